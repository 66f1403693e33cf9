import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm, symlink, appendFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Readable } from 'node:stream';

/** It compiles the service twice, which takes a busy machine a while. */
const PATIENCE_MS = 180_000;
const SOURCES = ['src', 'demo', 'package.json', 'tsconfig.json', 'tsconfig.build.json', 'nest-cli.json'];

/** All that came so far, once it matches; for more of it, ask again. */
function printing(output: Readable): (pattern: RegExp) => Promise<RegExpExecArray> {
  let text = '';
  output.on('data', (piece: Buffer) => (text += piece.toString()));
  const ended = once(output, 'close').then(() => {
    throw new Error(`it ended:\n${text}`);
  });
  // Whoever waits gets it.
  ended.catch(() => undefined);
  return async (pattern) => {
    for (;;) {
      const match = pattern.exec(text);
      if (match !== null) {
        text = text.slice(match.index + match[0].length);
        return match;
      }
      await Promise.race([once(output, 'data'), ended]);
    }
  };
}

it(
  'npm run start:dev needs no setting, restarts the service on a change, and takes it along when it ends',
  async () => {
    // A copy: what is built in this folder is what other tests run.
    const folder = await mkdtemp(join(tmpdir(), 'cells-authority-dev-'));
    await Promise.all(SOURCES.map((name) => cp(name, join(folder, name), { recursive: true })));
    await symlink(resolve('node_modules'), join(folder, 'node_modules'));
    const { PATH, HOME } = process.env;
    const dev = spawn('npm', ['run', 'start:dev'], {
      cwd: folder,
      env: { PATH, HOME, PORT: '0', LOG_LEVEL: 'info' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    // npm itself ends at once; its output ends with the last process that could write to it.
    const ended = once(dev.stdout, 'close');
    try {
      const printed = printing(dev.stdout);
      const [, line = ''] = await printed(/as published\n\n {2}curl -X POST '([^']+)'/);
      const ask = () => fetch(line, { method: 'POST' });
      expect((await ask()).status).toBe(200);

      await appendFile(join(folder, 'src', 'main.ts'), '\n// changed\n');
      await printed(/File change detected/);
      await printed(/"msg":"Listening/);
      expect((await ask()).status).toBe(200);

      dev.kill('SIGTERM');
      await ended;
      await expect(ask()).rejects.toThrow();
    } finally {
      // The demo sees that npm is gone, and ends what it has started.
      dev.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true, force: true });
    }
  },
  PATIENCE_MS,
);
