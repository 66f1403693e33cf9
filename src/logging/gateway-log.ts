import { type Logger } from 'pino';
import { type GatewayObserver } from '../cells-gateway/gateway-observer.js';

/** Writes a line for each request of the Cells API that failed here; what the API itself answered is no failure. */
export function gatewayLog(logger: Logger): GatewayObserver {
  return (event) => {
    if (event.type === 'token') {
      if (event.action !== 'passed') logger.debug({ event: 'gateway_token', action: event.action }, 'About a token');
      return;
    }
    const { requestId, method, api, outcome, status, cut, headersMs, wholeMs } = event;
    const fields = {
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
    if (outcome === 'passed') logger.debug(fields, 'A request of the Cells API was passed through');
    else if (status !== undefined && status < 500 && !cut)
      logger.info(fields, 'A request of the Cells API was refused');
    else if (outcome === 'client_gone') logger.info(fields, 'A client went away');
    else logger.warn(fields, 'A request of the Cells API failed');
  };
}
