import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { buildOnce } from '../support/built-service.js';

const run = promisify(execFile);

/** It starts two servers and the service, which takes a busy machine a while. */
const PATIENCE_MS = 120_000;

describe('What the demo prints', () => {
  let printed: string;
  let end: () => Promise<void>;

  beforeAll(async () => {
    await buildOnce();
    const demo = spawn(process.execPath, ['--import', 'tsx', 'demo/main.ts'], {
      env: { ...process.env, PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(demo, 'exit');
    end = async () => {
      demo.kill('SIGTERM');
      await exited;
    };
    printed = await new Promise<string>((resolve, reject) => {
      let output = '';
      demo.stdout.on('data', (piece: Buffer) => {
        output += piece.toString();
        if (output.includes('console.log')) resolve(output);
      });
      void exited.then(() => {
        reject(new Error(`the demo ended:\n${output}`));
      });
    });
  }, PATIENCE_MS);

  afterAll(() => end());

  /** The lines below a heading, as they are pasted. */
  function linesBelow(heading: string): string {
    const [, section = ''] = printed.split(`${heading}\n\n`);
    return (section.split(/\n\n(?! )/)[0] ?? '').replaceAll(/^ {2}/gm, '');
  }

  it.each(['as published', 'as the SDKs send them', 'by HTTP Basic', 'or in JSON'])(
    'gets a token, pasted into a shell: %s',
    async (heading) => {
      const line = printed.split(`${heading}\n\n  `)[1]?.split('\n')[0] ?? '';

      const { stdout } = await run('bash', ['-c', line]);

      expect(JSON.parse(stdout)).toMatchObject({ token_type: 'Bearer', expires_in: expect.any(Number) });
    },
    PATIENCE_MS,
  );

  it(
    'uploads a file and gets it back, pasted into a shell',
    async () => {
      const { stdout } = await run('bash', ['-c', linesBelow('Upload a file through the gateway, and get it back')]);

      expect(stdout).toBe(`{"Uploaded":["LICENSE"],"Errors":[]}${await readFile('LICENSE', 'utf8')}`);
    },
    PATIENCE_MS,
  );

  it(
    'does the same with the Node SDK in five lines, pasted into node',
    async () => {
      const lines = linesBelow(
        'The same with the official Node SDK, which is told this base URL and nothing else',
      ).trim();
      expect(lines.split('\n')).toHaveLength(5);

      const { stdout } = await run(process.execPath, ['--input-type=module', '-e', lines]);

      expect(stdout).toBe(`${await readFile('LICENSE', 'utf8')}\n`);
    },
    PATIENCE_MS,
  );
});
