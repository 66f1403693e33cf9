/**
 * Makes what a release consists of, in `release`: the packed library and service, the list of all packages in it (SBOM,
 * CycloneDX), and their digests. Builds and packs twice, and fails unless both archives are the same, byte for byte.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const FOLDER = 'release';
const SBOM = 'sbom.cdx.json';

await rm(FOLDER, { recursive: true, force: true });
await mkdir(FOLDER);
const { archive, digest } = await buildAndPack();
const again = await buildAndPack();
if (again.digest !== digest) throw new Error(`${archive}: built twice, it is ${digest} and ${again.digest}`);
await writeFile(join(FOLDER, SBOM), await sbom());
const digests = await Promise.all([archive, SBOM].map(async (file) => `${await sha256(file)}  ${file}\n`));
await writeFile(join(FOLDER, 'SHA256SUMS'), digests.join(''));
process.stdout.write(digests.join(''));

async function buildAndPack() {
  npm('run', '--silent', 'build');
  const [{ filename }] = JSON.parse(npm('pack', '--json', '--pack-destination', FOLDER));
  return { archive: filename, digest: await sha256(filename) };
}

/** npm lists what the lock file has; what is shipped is the part that was bundled. */
async function sbom() {
  const bundled = new Set((await readFile('build/bundled-packages', 'utf8')).split(';'));
  const all = JSON.parse(
    npm('sbom', '--package-lock-only', '--sbom-format', 'cyclonedx', '--sbom-type', 'application'),
  );
  const shipped = ({ 'bom-ref': name }) => bundled.has(name);
  const { name, version } = JSON.parse(await readFile('package.json', 'utf8'));
  const self = `${name}@${version}`;
  // To npm most of them are for development, since whoever installs the package gets them inside it.
  const components = all.components
    .filter(shipped)
    .map((component) => ({ ...component, scope: 'required', properties: [] }));
  const missing = [...bundled].filter((packed) => !components.some(({ 'bom-ref': listed }) => listed === packed));
  if (missing.length > 0) throw new Error(`npm sbom does not list ${missing.join(', ')}`);
  const dependencies = all.dependencies
    .filter(({ ref }) => ref === self || bundled.has(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((on) => bundled.has(on)) }));
  // npm takes the folder's name.
  all.metadata.component.name = name;
  return `${JSON.stringify({ ...all, components, dependencies }, undefined, 2)}\n`;
}

async function sha256(file) {
  return createHash('sha256')
    .update(await readFile(join(FOLDER, file)))
    .digest('hex');
}

function npm(...parameters) {
  return execFileSync('npm', parameters, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 2 ** 26,
  });
}
