import { lookup } from 'node:dns';
import { Socket } from 'node:net';
import { buildConnector } from 'undici';
import { verifiedTls } from '../verified-tls.js';
import { sharedLookup } from './shared-lookup.js';
import { TransportFailure } from './transport-failure.js';

/** How undici opens a connection. */
export type Connector = buildConnector.connector;

/** How connections are to be opened. */
export interface ConnectorOptions {
  /** Milliseconds for connecting, TLS included; then it fails with a {@link TransportFailure}. */
  readonly connectTimeoutMs: number;
  /** PEM text of the certificate authorities to trust; absent: Node's own. */
  readonly ca: string | undefined;
}

/** Opens connections on which a secret may be sent: certificates are verified, and connecting has its time. */
export function verifiedConnector({ connectTimeoutMs, ca }: ConnectorOptions): Connector {
  const connect = buildConnector({
    timeout: 0,
    autoSelectFamily: true,
    lookup: sharedLookup(lookup),
    ...verifiedTls(ca),
  });
  return withTimeout(connect, connectTimeoutMs);
}

/** undici's own connect timeout is only accurate to about a second. */
function withTimeout(connect: Connector, timeoutMs: number): Connector {
  return (target, done) => {
    // undici's connectors return the socket before it is connected, though their type does not say so.
    const connecting: { socket?: unknown } = {};
    const timer = setTimeout(() => {
      const failure = new TransportFailure('connect_timeout', false, 'CONNECT_TIMEOUT');
      if (connecting.socket instanceof Socket) connecting.socket.destroy(failure);
    }, timeoutMs);
    connecting.socket = open(connect, target, (...result) => {
      clearTimeout(timer);
      done(...result);
    });
  };
}

function open(connect: (...args: Parameters<Connector>) => unknown, ...args: Parameters<Connector>): unknown {
  return connect(...args);
}
