import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { LOAD_CORE, SERVER_CORE } from '../process/cores.mjs';
import { freePort } from '../process/free-port.mjs';
import { ServerProcess } from '../process/server-process.mjs';

const PROJECT = new URL('../../', import.meta.url);

/** The service under test, started by the same command as in `npm start`, with default settings unless given. */
export async function serviceSettings(directory, environment = {}) {
  const port = await freePort();
  return {
    name: 'cells-authority',
    core: SERVER_CORE,
    command: startCommand(),
    directory,
    port,
    environment: { PORT: String(port), ...environment },
  };
}

export async function startService(directory, environment) {
  return ServerProcess.start(await serviceSettings(directory, environment));
}

/** One of the servers in this folder. */
export async function peerSettings(file, directory, environment = {}, core = SERVER_CORE) {
  const port = await freePort();
  const command = [process.execPath, fileURLToPath(new URL(file, import.meta.url))];
  return { name: file, core, command, directory, port, environment: { PORT: String(port), ...environment } };
}

export async function startPeer(file, directory, environment, core) {
  return ServerProcess.start(await peerSettings(file, directory, environment, core));
}

/** The upstream, on the load's core. */
export async function startAuthorizationServer(directory, latencyMs = 0) {
  const environment = { LATENCY_MS: String(latencyMs) };
  const server = await ServerProcess.start(
    await peerSettings('authorization-server.mjs', directory, environment, LOAD_CORE),
  );
  return {
    tokenUrl: `http://127.0.0.1:${server.port}/connect/token`,
    requests: async () => Number(await (await fetch(`http://127.0.0.1:${server.port}/requests`)).text()),
    stop: () => server.stop(),
  };
}

/** `npm start` without npm, so that the process id is the service's own. */
function startCommand() {
  const { scripts } = JSON.parse(readFileSync(new URL('package.json', PROJECT), 'utf8'));
  const [node, ...args] = scripts.start.split(' ');
  if (node !== 'node') throw new Error(`"npm start" is expected to run node, not ${node}`);
  const inProject = (path) => fileURLToPath(new URL(path, PROJECT));
  return [process.execPath, ...args.map((arg) => (arg.startsWith('-') ? arg : inProject(arg)))];
}
