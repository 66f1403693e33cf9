import {
  type AuthorizationServer,
  type AuthorizationServerAddresses,
  type AuthorizationServerOptions,
} from '../../demo/authorization-server.js';
import { demoClient, type DemoClient } from '../../demo/demo-client.js';
import { startDemoProcess } from './demo-process.js';

export interface OidcProvider extends AuthorizationServer {
  readonly client: DemoClient;
}

/** The demo authorization server, as a process. */
export async function startOidcProvider(options: Omit<AuthorizationServerOptions, 'port'> = {}): Promise<OidcProvider> {
  const { addresses, close } = await startDemoProcess<AuthorizationServerAddresses>(
    'demo/authorization-server.process.ts',
    { AUTHORIZATION_SERVER_OPTIONS: JSON.stringify(options) },
  );
  return { ...addresses, client: options.clients?.[0] ?? demoClient, close };
}
