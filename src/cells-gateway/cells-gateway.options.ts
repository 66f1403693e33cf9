import { type IncomingMessage } from 'node:http';
import { ConfigurableModuleBuilder } from '@nestjs/common';
import { type GatewayObserver } from './gateway-observer.js';

/** Where requests to the Cells API go, and their limits. */
export interface CellsGatewayOptions {
  /** Origin of the Cells API. */
  readonly apiUrl: string;
  /** The largest request body, in MiB. */
  readonly maxBodyMib: number;
  /** Milliseconds from the end of a request until the headers of its response arrive. */
  readonly timeoutMs: number;
  /** Milliseconds for a connection, TLS included. */
  readonly connectTimeoutMs: number;
  /** PEM file of the certificate authorities to trust; absent: Node's own. */
  readonly caFile: string | undefined;
  /** Forward proxy to the Cells API; absent: none. */
  readonly proxyUrl?: string;
  /** A transfer without a byte in either direction ends after this many milliseconds. Default 120000. */
  readonly idleTimeoutMs?: number;
  /** Headers of every answer that does not come from the Cells API. */
  readonly ownHeaders: Readonly<Record<string, string>>;
  /** The id of a request in answers and logs. */
  readonly requestId: (request: { readonly headers: NodeJS.Dict<string | string[]> }) => string;
  /** A client's failures count against this address; `undefined` when its connection is gone. */
  readonly clientAddress: (request: IncomingMessage) => string;
  readonly observer: GatewayObserver;
}

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN: CELLS_GATEWAY_OPTIONS } =
  new ConfigurableModuleBuilder<CellsGatewayOptions>().setClassMethodName('forRoot').build();
