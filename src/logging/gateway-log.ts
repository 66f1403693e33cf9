import { type Logger } from 'pino';
import { type GatewayObserver, type GatewayRequestEnded } from '../cells-gateway/gateway-observer.js';
import { RepeatedLines } from './repeated-lines.js';

/** Writes a line for each request to the Cells API that failed here. Whatever the API answers is not a failure. */
export function gatewayLog(logger: Logger): GatewayObserver {
  const refusals = new RepeatedLines(logger);
  const failures = new RepeatedLines(logger);
  return (event) => {
    if (event.type === 'token') {
      if (event.action !== 'passed') logger.debug({ event: 'gateway_token', action: event.action }, 'About a token');
      return;
    }
    const { outcome, status, cut } = event;
    if (outcome === 'passed') {
      if (logger.isLevelEnabled('debug')) {
        logger.debug(fieldsOf(event), 'A request of the Cells API was passed through');
      }
    } else if (outcome === 'client_gone') {
      refusals.write('gateway_request', undefined, () => {
        logger.info(fieldsOf(event), 'A client went away');
      });
    } else if (status !== undefined && status < 500 && !cut) {
      refusals.write('gateway_request', undefined, () => {
        logger.info(fieldsOf(event), 'A request of the Cells API was refused');
      });
    } else {
      failures.write('gateway_request', undefined, () => {
        logger.warn(fieldsOf(event), 'A request of the Cells API failed');
      });
    }
  };
}

function fieldsOf({ requestId, method, api, outcome, status, cut, headersMs, wholeMs }: GatewayRequestEnded): object {
  return {
    event: 'gateway_request',
    requestId,
    method,
    api,
    outcome,
    status,
    cut,
    headersMs: headersMs === undefined ? undefined : Math.round(headersMs),
    durationMs: Math.round(wholeMs),
  };
}
