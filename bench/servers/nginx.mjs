import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { clientCredentials } from '../http/client-credentials.mjs';
import { tokenResponse } from '../http/token-response.mjs';
import { LOAD_CORE, SERVER_CORE } from '../process/cores.mjs';
import { freePort } from '../process/free-port.mjs';
import { ServerProcess } from '../process/server-process.mjs';
import { answeringConf, forwardingConf } from './nginx-conf.mjs';

/** Debian installs it where only root's PATH finds it. */
const PROGRAM = ['nginx', '/usr/sbin/nginx'].find((program) => spawnSync(program, ['-v']).status === 0);

export const hasNginx = PROGRAM !== undefined;

/** nginx as an upstream: a token response for every request, on the load's core. */
export async function startNginxUpstream(directory) {
  const text = tokenResponse(clientCredentials(0).clientId);
  return startNginx('nginx upstream', LOAD_CORE, directory, (place) => answeringConf({ ...place, text }));
}

/** nginx as a peer: it forwards everything, on the core of the server under test. */
export async function startNginxProxy(directory, upstreamPort, { unbuffered = false } = {}) {
  const conf = (place) => forwardingConf({ ...place, upstreamPort, unbuffered });
  return startNginx('nginx proxy', SERVER_CORE, directory, conf);
}

async function startNginx(name, core, directory, conf) {
  const port = await freePort();
  const prefix = join(directory, `nginx-${port}`);
  const file = join(prefix, 'nginx.conf');
  mkdirSync(prefix);
  writeFileSync(file, conf({ directory: prefix, port }));
  const command = [PROGRAM, '-p', prefix, '-e', 'stderr', '-c', file];
  return ServerProcess.start({ name, core, directory, port, command });
}
