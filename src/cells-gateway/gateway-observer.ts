import { type CellsApiPath } from './request-target.js';
import { type GatewayOutcome } from './gateway-failure.js';

/** A request has ended, one way or another. Contains nothing that a user chose. */
export interface GatewayRequestEnded {
  readonly type: 'request_ended';
  readonly requestId: string;
  readonly method: string;
  /** Absent if the path could not be passed on. */
  readonly api: CellsApiPath | undefined;
  readonly outcome: GatewayOutcome;
  /** Status of the answer that the client got; `undefined` when it got none. */
  readonly status: number | undefined;
  /** Whether the request failed while its answer was being sent. */
  readonly cut: boolean;
  /** Milliseconds until the Cells API's headers arrived, if they did. */
  readonly headersMs: number | undefined;
  readonly wholeMs: number;
}

/** What was done with the token of a request. A closed set, fit for metric labels. */
export const GATEWAY_TOKEN_ACTIONS = ['passed', 'renewed', 'repeated', 'not_repeatable', 'dropped'] as const;
export type GatewayTokenAction = (typeof GATEWAY_TOKEN_ACTIONS)[number];

/** What the gateway reports. */
export type GatewayEvent = GatewayRequestEnded | { readonly type: 'token'; readonly action: GatewayTokenAction };

/** Receives all events. Called synchronously: must be quick and must not throw. */
export type GatewayObserver = (event: GatewayEvent) => void;

/** Numbers for metrics. */
export interface GatewayNumbers {
  readonly inFlight: number;
  /** Bytes of bodies, from clients to the Cells API and from there to clients. */
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** Open connections to the Cells API, and requests waiting for one. */
  readonly connections: number;
  readonly waiting: number;
}
