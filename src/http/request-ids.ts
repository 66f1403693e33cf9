import { randomBytes } from 'node:crypto';
import { type IncomingMessage } from 'node:http';

const SANE_REQUEST_ID = /^[\w.:-]{1,64}$/;

/** Names requests: by the caller's `X-Request-Id` when it cannot do harm in a log, or else by an id of our own. */
export function requestIds(): (request?: Pick<IncomingMessage, 'headers'>) => string {
  const prefix = randomBytes(6).toString('base64url');
  let count = 0;
  return (request) => {
    const given = request?.headers['x-request-id'];
    return typeof given === 'string' && SANE_REQUEST_ID.test(given) ? given : `${prefix}-${(count += 1)}`;
  };
}
