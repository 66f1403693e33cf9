import { startAuthorizationServer } from './authorization-server.js';
import { startCellsApi } from './cells-api.js';
import { demoClient } from './demo-client.js';
import { endRequested } from './end-requested.js';
import { instructions } from './instructions.js';
import { DemoError, listeningPort } from './listening-port.js';
import { startService } from './service.process.js';

/**
 * `npm run demo`: a real authorization server, a stand-in of the Cells API, and the service in front of both, until
 * Ctrl-C. `npm run start:dev` is the same with a service that is rebuilt on every change.
 */
async function demo(end: AbortSignal): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    end.addEventListener('abort', () => {
      resolve();
    });
  });
  const port = await listeningPort(process.env.PORT ?? '3000');
  const authorizationServer = await startAuthorizationServer();
  const cellsApi = await startCellsApi(authorizationServer);
  try {
    const upstreams = { UPSTREAM_TOKEN_URL: authorizationServer.tokenUrl, CELLS_API_URL: cellsApi.origin };
    const service = await startService(port, upstreams, end, process.argv.includes('--watch') ? 'watched' : 'built');
    console.log(instructions(service.url, demoClient));

    await Promise.race([ended, service.exited]);
    await service.stop();
    if (!end.aborted) throw new DemoError('The service ended.');
  } finally {
    await cellsApi.close();
    await authorizationServer.close();
  }
}

const end = endRequested();
try {
  await demo(end);
} catch (error) {
  // Asked to end while still starting: nothing went wrong.
  if (!end.aborted) {
    console.error(error instanceof DemoError ? error.message : error);
    process.exitCode = 1;
  }
}
process.exit();
