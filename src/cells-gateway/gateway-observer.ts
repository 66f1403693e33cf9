import { type CellsApiPath } from './request-target.js';
import { type GatewayOutcome } from './gateway-failure.js';

/** A request that has ended, one way or the other. It holds nothing that a user chose. */
export interface GatewayRequestEnded {
  readonly type: 'request_ended';
  readonly requestId: string;
  readonly method: string;
  /** Absent where the path could not be sent on. */
  readonly api: CellsApiPath | undefined;
  readonly outcome: GatewayOutcome;
  /** Of the answer that the client got; `undefined` when it got none. */
  readonly status: number | undefined;
  /** Whether the answer was under way when the request failed. */
  readonly cut: boolean;
  /** Milliseconds until the Cells API's headers were there, if they ever were. */
  readonly headersMs: number | undefined;
  readonly wholeMs: number;
}

/** What was done about the token of a request. A closed set, fit for metric labels. */
export const GATEWAY_TOKEN_ACTIONS = ['passed', 'renewed', 'repeated', 'not_repeatable', 'dropped'] as const;
export type GatewayTokenAction = (typeof GATEWAY_TOKEN_ACTIONS)[number];

/** What the gateway tells whoever watches it. */
export type GatewayEvent = GatewayRequestEnded | { readonly type: 'token'; readonly action: GatewayTokenAction };

/** Is told what happens. Called synchronously: it must be quick and must not throw. */
export type GatewayObserver = (event: GatewayEvent) => void;

/** What is under way, for metrics. */
export interface GatewayNumbers {
  readonly inFlight: number;
  /** Bytes of bodies, from clients to the Cells API and back. */
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** Open connections to the Cells API, and requests that wait for one. */
  readonly connections: number;
  readonly waiting: number;
}
