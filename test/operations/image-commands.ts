import { execFile } from 'node:child_process';
import { copyFile, mkdir, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ROOT = join(__dirname, '..', '..');

/** Packages come from npm's cache where they are in it, and nothing else is asked of the registry. */
const NPM_SETTINGS = {
  npm_config_prefer_offline: 'true',
  npm_config_audit: 'false',
  npm_config_fund: 'false',
  npm_config_update_notifier: 'false',
  npm_config_loglevel: 'error',
};

/** What the image is told to run, and with which variables. */
export interface ImageProgram {
  readonly command: readonly string[];
  readonly healthcheck: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

interface Instruction {
  readonly name: string;
  readonly text: string;
}

/**
 * Does in `folder` what the Dockerfile says, in its order and as far as that takes neither root nor Docker: each stage is
 * a folder, `COPY` takes what git tracks, `RUN` runs. Resolves to the folder of the last stage and what it is to run.
 */
export async function followDockerfile(folder: string): Promise<{ folder: string; program: ImageProgram }> {
  const stages = stagesOf(await readFile(join(ROOT, 'deploy', 'Dockerfile'), 'utf8'));
  let last: { folder: string; program: ImageProgram } | undefined;
  for (const [index, instructions] of stages.entries()) {
    const stage = join(folder, stageName(instructions, index));
    await mkdir(stage);
    const env = variablesOf(instructions);
    for (const { name, text } of instructions) {
      if (name === 'COPY') await copy(text, folder, stage);
      if (name === 'RUN') await run('sh', ['-c', text], { cwd: stage, env: { ...commandEnvironment(), ...env } });
    }
    last = { folder: stage, program: { ...programOf(instructions), env } };
  }
  if (last === undefined) throw new Error('the Dockerfile has no stage');
  return last;
}

/** Nothing of npm's own settings of whoever runs the tests, but for where its cache and its registry are. */
function commandEnvironment(): Record<string, string | undefined> {
  const { PATH, HOME } = process.env;
  const registry = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => /registry|proxy|cafile/i.test(name)),
  );
  return { ...registry, PATH, HOME, ...NPM_SETTINGS };
}

function stagesOf(dockerfile: string): Instruction[][] {
  const stages: Instruction[][] = [];
  for (const line of dockerfile
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n/g, '')
    .split('\n')) {
    const [, name = '', text = ''] = /^([A-Z]+) +(.+)$/.exec(line) ?? [];
    if (name === 'FROM') stages.push([]);
    stages.at(-1)?.push({ name, text });
  }
  return stages;
}

function textOf(instructions: readonly Instruction[], wanted: string): string {
  return instructions.find(({ name }) => name === wanted)?.text ?? '';
}

function stageName(instructions: readonly Instruction[], index: number): string {
  return / AS (\w+)$/.exec(textOf(instructions, 'FROM'))?.[1] ?? String(index);
}

function variablesOf(instructions: readonly Instruction[]): Record<string, string> {
  return Object.fromEntries(
    [...textOf(instructions, 'ENV').matchAll(/(\w+)=(\S+)/g)].map(([, name = '', value = '']) => [name, value]),
  );
}

function programOf(instructions: readonly Instruction[]): Omit<ImageProgram, 'env'> {
  const words = (name: string) => {
    const list = /\[.*\]$/.exec(textOf(instructions, name))?.[0] ?? '[]';
    return JSON.parse(list) as string[];
  };
  return { command: [...words('ENTRYPOINT'), ...words('CMD')], healthcheck: words('HEALTHCHECK') };
}

async function copy(text: string, folder: string, stage: string): Promise<void> {
  const [, from, rest = ''] = /^(?:--from=(\w+) )?(.+)$/.exec(text) ?? [];
  const sources = rest.split(' ');
  const target = sources.pop() ?? '.';
  if (from === undefined) {
    for (const file of await trackedFiles(sources)) await transfer(copyFile, join(ROOT, file), join(stage, file));
    return;
  }
  for (const source of sources) {
    const path = source.replace(/^\/app\//, '');
    // Nothing needs the earlier stage any more.
    await transfer(rename, join(folder, from, path), join(stage, target === './' ? path : target));
  }
}

async function trackedFiles(paths: readonly string[]): Promise<string[]> {
  const { stdout } = await run('git', ['ls-files', '-z', '--', ...paths], { cwd: ROOT });
  return stdout.split('\0').filter((file) => file !== '');
}

async function transfer(
  by: (source: string, target: string) => Promise<void>,
  source: string,
  target: string,
): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  await by(source, target);
}
