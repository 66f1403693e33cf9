import { fork } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import {
  type AuthorizationServer,
  type AuthorizationServerAddresses,
  type AuthorizationServerOptions,
} from '../../demo/authorization-server.js';
import { demoClient, type DemoClient } from '../../demo/demo-client.js';
import { closedAtTheEnd } from './leftovers.js';

export interface OidcProvider extends AuthorizationServer {
  readonly client: DemoClient;
}

/**
 * Starts the demo authorization server beside the test, as a process: `oidc-provider` is ESM only, and a process also
 * keeps its work off the event loop that the test measures. It ends with `close()`, or with the test.
 */
export async function startOidcProvider(options: Omit<AuthorizationServerOptions, 'port'> = {}): Promise<OidcProvider> {
  const server = fork(resolve('demo/authorization-server.process.ts'), {
    execArgv: ['--import', 'tsx'],
    env: { ...process.env, AUTHORIZATION_SERVER_OPTIONS: JSON.stringify(options) },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const exited = once(server, 'exit');
  if (!server.stdout) throw new Error('the authorization server has no stdout');
  const lines = createInterface({ input: server.stdout });

  const started = await Promise.race([once(lines, 'line'), exited.then(() => undefined)]);
  if (started === undefined) throw new Error('the authorization server ended before it listened');

  return closedAtTheEnd({
    ...(JSON.parse(String(started[0])) as AuthorizationServerAddresses),
    client: options.clients?.[0] ?? demoClient,
    close: async () => {
      server.kill('SIGTERM');
      await exited;
      lines.close();
    },
  });
}
