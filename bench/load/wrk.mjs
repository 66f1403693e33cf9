import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { asMessage } from '../http/token-request.mjs';
import { LOAD_CORE, pinned } from '../process/cores.mjs';

const SCRIPT = fileURLToPath(new URL('token-requests.lua', import.meta.url));

/** `wrk -v` prints its version and fails. */
export const canRunWrk = spawnSync('wrk', ['-v']).error === undefined;

export async function loadWithWrk({ port, requests, connections, seconds, directory }) {
  const args = ['--threads', '1', '--connections', String(connections), '--duration', `${seconds}s`];
  const target = ['--script', SCRIPT, `http://127.0.0.1:${port}/`, '--', messagesFile(requests, directory)];
  const [program, ...rest] = pinned(LOAD_CORE, ['wrk', ...args, ...target]);
  const { stdout } = await promisify(execFile)(program, rest);
  return JSON.parse(stdout.slice(stdout.indexOf('{"')));
}

/** The requests as the script reads them: ready messages with a NUL between them. */
function messagesFile(requests, directory) {
  const messages = requests.map(asMessage).join('\0');
  const file = join(directory, `requests-${createHash('sha256').update(messages).digest('hex')}`);
  if (!existsSync(file)) writeFileSync(file, messages);
  return file;
}
