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

/**
 * Nest logs the names of its own classes, of modules and of controllers, and esbuild renames what it finds twice. Its own
 * `keepNames` names every class and function, which took a fourth of the CPU time of a reused token (docs/decisions.md).
 */
const keepLoggedNames = {
  name: 'keep-logged-names',
  setup({ onLoad }) {
    const named = (declaration, className) =>
      `${declaration} static { Object.defineProperty(this, 'name', { value: '${className}' }); }`;
    onLoad({ filter: /[/\\]@nestjs[/\\].*\.js$|\.(?:module|controllers?)\.js$/ }, async ({ path }) => {
      const code = await readFile(path, 'utf8');
      return { contents: code.replace(/\bclass ([A-Z]\w*)(?: extends [^{]+)? \{/g, named), loader: 'js' };
    });
  },
};

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
  plugins: [keepLoggedNames],
  banner: { js: COMMONJS_VARIABLES },
  legalComments: 'none',
  logLevel: 'warning',
  metafile: true,
});
for (const file of SWAGGER_UI_FILES) await copyFile(join('node_modules/swagger-ui-dist', file), join('dist', file));

const packages = await Promise.all(bundledFolders().map(describePackage));
await writeFile('dist/THIRD-PARTY-LICENSES', packages.map(licenceOf).join(`\n${'-'.repeat(80)}\n\n`));
await writeFile(
  'build/bundled-packages',
  packages.map(({ manifest: { name, version } }) => `${name}@${version}`).join(';'),
);

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
