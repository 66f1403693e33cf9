import { randomBytes } from 'node:crypto';
import { type IncomingMessage } from 'node:http';

const SANE_REQUEST_ID = /^[\w.:-]{1,64}$/;

/** Makes request ids: the caller's `X-Request-Id` if it is safe to log, or else an id of our own. */
export function requestIds(): (request?: Pick<IncomingMessage, 'headers'>) => string {
  const prefix = randomBytes(6).toString('base64url');
  let count = 0;
  return (request) => {
    const given = request?.headers['x-request-id'];
    return typeof given === 'string' && SANE_REQUEST_ID.test(given) ? given : `${prefix}-${(count += 1)}`;
  };
}
