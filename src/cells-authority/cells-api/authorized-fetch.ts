import { type BearerTerms, type BearerTokens } from './bearer-tokens.js';
import { isRepeatable } from './repeatable-body.js';

/** A `fetch` that adds the token to requests to some origins, and repeats a request once when its token is refused. */
export function authorizedFetch(
  tokens: BearerTokens,
  origins: ReadonlySet<string>,
  terms: BearerTerms,
): typeof globalThis.fetch {
  return async (input, init) => {
    const given = input instanceof Request ? input : undefined;
    const url = input instanceof Request ? input.url : input.toString();
    const origin = URL.canParse(url) ? new URL(url).origin : '';
    const headers = new Headers(init?.headers ?? given?.headers);
    if (!origins.has(origin) || headers.has('Authorization')) return fetch(input, init);
    const signal = init?.signal ?? given?.signal;
    const send = (token: string) => {
      headers.set('Authorization', `Bearer ${token}`);
      return fetch(input, { ...init, headers });
    };

    const token = await tokens.get(terms, signal);
    const response = await send(token);
    // fetch removes the token on a redirect to another origin, so that origin's 401 says nothing about the token.
    if (response.status !== 401 || new URL(response.url).origin !== origin) return response;
    if (!isRepeatable(init?.body ?? given?.body)) {
      tokens.renewInBackground(token, terms);
      return response;
    }
    const renewed = await tokens.renew(token, terms, signal);
    if (renewed === undefined) return response;
    // Nobody reads it. It may have broken meanwhile, and then refuses to be cancelled.
    response.body?.cancel().catch(() => undefined);
    return send(renewed);
  };
}
