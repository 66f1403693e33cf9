import { type IncomingMessage } from 'node:http';
import { type OAuthError } from '../errors/oauth-error.js';
import { invalidRequest } from '../errors/oauth-errors.js';
import { type BodyDeadlines } from './body-deadlines.js';

/** A token request is a few hundred bytes. */
const MAX_BYTES = 16 * 1024;

/**
 * Reads a body as UTF-8 text, whatever its media type and charset say, and hands it over, or the error that it is
 * answered with. Neither is called when the client goes away.
 */
export function readBodyText(
  request: IncomingMessage,
  deadlines: BodyDeadlines,
  onText: (text: string) => void,
  onRefused: (error: OAuthError) => void,
): void {
  const chunks: Buffer[] = [];
  let length = 0;
  deadlines.expect(request, () => {
    refuse(invalidRequest('The body was not sent in time', 408));
  });

  function refuse(error: OAuthError): void {
    deadlines.forget(request);
    request.off('data', onData).off('end', onEnd);
    // The rest of the body is not worth waiting for.
    onRefused(error.with({ headers: { Connection: 'close' } }));
  }
  function onData(chunk: Buffer): void {
    length += chunk.length;
    if (length > MAX_BYTES) refuse(invalidRequest('The body is larger than 16 KiB', 413));
    else chunks.push(chunk);
  }
  function onEnd(): void {
    deadlines.forget(request);
    const [first] = chunks;
    const bytes = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, length);
    onText(bytes.toString('utf8'));
  }
  request.on('data', onData).on('end', onEnd);
}
