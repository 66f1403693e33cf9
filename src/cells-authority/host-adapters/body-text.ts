import { type IncomingMessage } from 'node:http';
import { type OAuthError } from '../errors/oauth-error.js';
import { invalidRequest } from '../errors/oauth-errors.js';

/** A token request needs a few hundred bytes. */
export const MAX_BODY_BYTES = 16 * 1024;
/** The time a client has for sending the whole body. */
const DEADLINE_MS = 10_000;

/**
 * Reads a body as UTF-8 text, whatever its media type and charset say. When the client disconnects, the promise never
 * settles.
 *
 * @throws OAuthError `invalid_request` with status 413 or 408.
 */
export function readBodyText(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    let deadline: NodeJS.Timeout | undefined;
    process.nextTick(expectRest);
    request.on('data', onData).on('end', onEnd).on('close', stop);

    /** Most bodies come in one packet with their head. By now they have been received and need no timer. */
    function expectRest(): void {
      if (request.complete || request.destroyed) return;
      deadline = setTimeout(() => {
        refuse(invalidRequest('The body was not sent in time', 408));
      }, DEADLINE_MS);
    }
    function stop(): void {
      clearTimeout(deadline);
      request.off('data', onData);
    }
    function refuse(error: OAuthError): void {
      stop();
      // Closes the connection rather than reading the rest of the body.
      reject(error.with({ headers: { Connection: 'close' } }));
    }
    function onData(chunk: Buffer): void {
      length += chunk.length;
      if (length > MAX_BODY_BYTES) refuse(invalidRequest('The body is larger than 16 KiB', 413));
      else chunks.push(chunk);
    }
    function onEnd(): void {
      clearTimeout(deadline);
      const [first] = chunks;
      const bytes = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, length);
      resolve(bytes.toString('utf8'));
    }
  });
}
