import { type IncomingMessage } from 'node:http';
import { ConfigurableModuleBuilder } from '@nestjs/common';
import { type GatewayObserver } from './gateway-observer.js';

/** Where requests of the Cells API go, and within which limits. */
export interface CellsGatewayOptions {
  /** Origin of the Cells API. */
  readonly apiUrl: string;
  /** MiB of a request's body. */
  readonly maxBodyMib: number;
  /** Milliseconds from the end of a request until the headers of its response are there. */
  readonly timeoutMs: number;
  /** Milliseconds for a connection, TLS included. */
  readonly connectTimeoutMs: number;
  /** PEM file of the certificate authorities to trust; absent: Node's own. */
  readonly caFile: string | undefined;
  /** Forward proxy to the Cells API; absent: none. */
  readonly proxyUrl?: string;
  /** Milliseconds without a byte either way, after which a transfer has ended. Default 120000. */
  readonly idleTimeoutMs?: number;
  /** Headers of every answer that begins here. */
  readonly ownHeaders: Readonly<Record<string, string>>;
  /** Names a request in answers and logs. */
  readonly requestId: (request: { readonly headers: NodeJS.Dict<string | string[]> }) => string;
  /** The address that a client's failures are counted for; `undefined` when the connection has gone. */
  readonly clientAddress: (request: IncomingMessage) => string | undefined;
  readonly observer: GatewayObserver;
}

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN: CELLS_GATEWAY_OPTIONS } =
  new ConfigurableModuleBuilder<CellsGatewayOptions>().setClassMethodName('forRoot').build();
