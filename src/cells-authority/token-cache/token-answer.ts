import { type TokenSource } from '../authority-observer.js';
import { type IssuedToken } from '../authorization-server/issued-token.js';

/** A token as it is handed to a client. */
export interface TokenAnswer {
  readonly accessToken: string;
  /** The token response, a ready JSON text. */
  readonly text: string;
  /** Bytes of the text in UTF-8. */
  readonly length: number;
  readonly source: TokenSource;
}

/** Puts a token into an answer. */
export function answerWith(token: IssuedToken, text: string, source: TokenSource): TokenAnswer {
  return { accessToken: token.accessToken, text, length: token.bytesOf(text), source };
}
