/**
 * Makes `dist`, which is what the package and the image contain, from what was compiled: the library file by file, and the
 * service in a few files together with all packages that it imports. Whoever installs the library so gets none of those.
 */
import { copyFile, cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';

/** Nest and Fastify import these if a host has them; the service does not. */
const NOT_USED = [
  '@fastify/multipart',
  '@fastify/static',
  '@fastify/view',
  '@nestjs/microservices',
  '@nestjs/platform-express',
  '@nestjs/websockets',
  'file-type',
];
/** The files of Swagger UI that the try-it page loads. Its package looks for them in the folder that its code is in. */
const SWAGGER_UI_FILES = ['swagger-ui-bundle.js', 'swagger-ui-standalone-preset.js', 'swagger-ui.css'];
/** What CommonJS modules expect to find. */
const COMMONJS_VARIABLES = `import { createRequire as __createRequire } from 'node:module';
const require = __createRequire(import.meta.url), __filename = import.meta.filename, __dirname = import.meta.dirname;`;

await rm('dist', { recursive: true, force: true });
await cp('build/cells-authority', 'dist/cells-authority', { recursive: true });
const { metafile } = await build({
  entryPoints: ['build/main.js', 'build/cli.js'],
  outdir: 'dist',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  external: NOT_USED,
  // Before any decorator: esbuild runs the code that files share before what those files import first.
  inject: ['node_modules/reflect-metadata/Reflect.js'],
  // Nest logs the names of classes, and errors are known by theirs. See keepNamesOfClassesAlone() as well.
  keepNames: true,
  banner: { js: COMMONJS_VARIABLES },
  legalComments: 'none',
  logLevel: 'warning',
  metafile: true,
});
await keepNamesOfClassesAlone(Object.keys(metafile.outputs));
for (const file of SWAGGER_UI_FILES) await copyFile(join('node_modules/swagger-ui-dist', file), join('dist', file));

const packages = await Promise.all(bundledFolders().map(describePackage));
await writeFile('dist/THIRD-PARTY-LICENSES', packages.map(licenceOf).join(`\n${'-'.repeat(80)}\n\n`));
await writeFile(
  'build/bundled-packages',
  packages.map(({ manifest: { name, version } }) => `${name}@${version}`).join(';'),
);

/**
 * esbuild also names every function, and does so again each time one is made: a property is defined for every closure of
 * every request (docs/decisions.md).
 */
async function keepNamesOfClassesAlone(files) {
  let helpers = 0;
  for (const file of files.filter((name) => name.endsWith('.js'))) {
    const text = await readFile(file, 'utf8');
    const ofClasses = text.replace(
      /\b__name\(this, ("[^"]*")\)/g,
      'Object.defineProperty(this, "name", { value: $1, configurable: true })',
    );
    const changed = ofClasses.replace(/^var __name = \(target, value\) => .*$/m, 'var __name = (target) => target;');
    if (changed !== ofClasses) helpers += 1;
    if (changed !== text) await writeFile(file, changed);
  }
  if (helpers !== 1) throw new Error('esbuild keeps names in another way than it did: the bundle has to follow');
}

function bundledFolders() {
  const folders = Object.keys(metafile.inputs).map((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0]);
  return [...new Set([...folders, 'node_modules/swagger-ui-dist'])].filter((folder) => folder !== undefined).sort();
}

async function describePackage(folder) {
  const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const names = (await readdir(folder)).sort();
  const licences = names.filter((name) => /^(?:licen[cs]e|notice|copying)\b/i.test(name));
  // Some have their licence there.
  const files = licences.length > 0 ? licences : names.filter((name) => /^readme\b/i.test(name));
  const texts = await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')));
  return { manifest, texts };
}

function licenceOf({ manifest: { name, version, license }, texts }) {
  return [`${name} ${version} (${license})\n`, ...texts].join('\n');
}
