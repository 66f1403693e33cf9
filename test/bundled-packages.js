/**
 * The packages that nearly every suite needs, each as one file. jest loads packages anew for every suite, module by module:
 * 2,000 of them with Nest, which took most of the time of `npm test` (docs/decisions.md). As CommonJS, because Nest 12 ships
 * ES modules only and jest on Node 20 runs CommonJS.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';

/** Nest and what it shares its state with: in one file, so that there is one of each. Whatever of Nest is imported is here. */
const NEST = [
  '@nestjs/axios',
  '@nestjs/common',
  '@nestjs/config',
  '@nestjs/core',
  '@nestjs/core/internal',
  '@nestjs/platform-express',
  '@nestjs/platform-fastify',
  '@nestjs/swagger',
  '@nestjs/terminus',
  '@nestjs/testing',
  'class-transformer',
  'fastify',
  'rxjs',
];
const OTHERS = ['axios', 'class-validator', 'express', 'ioredis', 'prom-client', 'undici'];
/** Nest imports these if a host has them; the tests' hosts do not. */
const NOT_INSTALLED = ['@fastify/multipart', '@fastify/view', '@nestjs/microservices', '@nestjs/websockets'];

const root = join(import.meta.dirname, '..');
const cache = join(root, 'node_modules', '.cache', 'tests');
/** Another folder for other versions, or for another list. */
const folder = join(cache, fingerprint());

function fingerprint() {
  const hash = createHash('sha256').update(readFileSync(import.meta.filename));
  return hash
    .update(readFileSync(join(root, 'node_modules', '.package-lock.json')))
    .digest('hex')
    .slice(0, 16);
}

const fileName = (name) => `${name.replace('@', '').replaceAll('/', '-')}.js`;

/** For jest's `moduleNameMapper`. */
export const bundledPackages = Object.fromEntries(
  [...NEST, ...OTHERS].map((name) => [`^${name}$`, join(folder, fileName(name))]),
);

/** jest's `globalSetup`. */
export default async function bundlePackages() {
  if (existsSync(folder)) return;
  await mkdir(cache, { recursive: true });
  const unfinished = await mkdtemp(join(cache, 'unfinished-'));
  await writeFile(join(unfinished, 'package.json'), '{ "type": "commonjs" }\n');
  const loaders = NEST.map((name) => `${JSON.stringify(name)}: () => require(${JSON.stringify(name)})`);
  await bundle(
    `require('reflect-metadata'); module.exports = { ${loaders.join(', ')} };`,
    join(unfinished, 'nest.js'),
    OTHERS,
  );
  for (const name of NEST) {
    await writeFile(join(unfinished, fileName(name)), `module.exports = require('./nest.js')['${name}']();\n`);
  }
  for (const name of OTHERS) {
    await bundle(`module.exports = require('${name}');`, join(unfinished, fileName(name)), []);
  }
  // At once, and unless another run was faster.
  await rename(unfinished, folder).catch(() => rm(unfinished, { recursive: true }));
}

function bundle(contents, outfile, elsewhere) {
  return build({
    stdin: { contents, resolveDir: root },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    external: ['reflect-metadata', ...elsewhere, ...NOT_INSTALLED],
    // Nest writes the names of classes into logs and errors.
    keepNames: true,
    // jest cannot import ES modules.
    supported: { 'dynamic-import': false },
    define: { 'import.meta.url': 'importMetaUrl' },
    banner: { js: 'const importMetaUrl = require("node:url").pathToFileURL(__filename).href;' },
    logLevel: 'error',
  });
}
