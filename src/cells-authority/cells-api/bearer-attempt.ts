import { Agent } from 'node:http';
import { Readable } from 'node:stream';
import { type AxiosAdapter, type AxiosResponse, type InternalAxiosRequestConfig, isAxiosError } from 'axios';
import { agentWithoutSockets } from './agent-without-sockets.js';
import { errorWithoutToken, responseWithoutToken } from './without-token.js';

/** The outcome of a request that was sent with a token. */
export interface BearerAttempt {
  /** The API itself answered 401. */
  readonly unauthorized: boolean;
  /** Returns the response for the caller, or throws the error. */
  settle(): AxiosResponse;
  /** Discards a response that nobody will read. */
  discard(): void;
}

/** follow-redirects' options for the next hop, or its details of the last one. */
type Hop = Record<string, unknown> & { headers?: Record<string, string> };

/**
 * Sends the request with the token in a separate configuration. The caller, responses and errors only get `shown`.
 */
export async function sendBearer(
  shown: InternalAxiosRequestConfig,
  config: InternalAxiosRequestConfig,
  adapter: AxiosAdapter,
  token: string,
  origin: string,
): Promise<BearerAttempt> {
  let redirectedAway = false;
  hideSockets(shown);
  hideSockets(config);
  const authorized: InternalAxiosRequestConfig = {
    ...config,
    headers: config.headers.concat({ Authorization: `Bearer ${token}` }),
    beforeRedirect: (next: Hop, response, last) => {
      // Without the token, so that server's 401 says nothing about it. axios 1.7 would send it to subdomains.
      if (originOf(next) !== origin) {
        redirectedAway = true;
        next.headers = withoutAuthorization(next);
      }
      if (config.beforeRedirect === undefined) return;
      const visible: Hop = { ...next, headers: withoutAuthorization(next) };
      // Holds Node's modules, and with them the sockets of the global agents.
      delete visible.nativeProtocols;
      config.beforeRedirect(visible, response, { ...last, headers: withoutAuthorization(last) });
      Object.assign(next, visible, { headers: { ...authorizationOf(next), ...visible.headers } });
    },
  };
  try {
    const response = responseWithoutToken(await adapter(authorized), shown);
    return {
      unauthorized: response.status === 401 && !redirectedAway,
      settle: () => response,
      discard: () => {
        discard(response.data);
      },
    };
  } catch (reason) {
    const error = errorWithoutToken(reason, shown);
    const response = isAxiosError(error) ? error.response : undefined;
    return {
      unauthorized: response?.status === 401 && !redirectedAway,
      settle: () => {
        throw error;
      },
      discard: () => {
        discard(response?.data);
      },
    };
  }
}

/** May change the configuration: it is axios' copy for this request, which the caller gets with the outcome. */
function hideSockets(config: InternalAxiosRequestConfig): void {
  if (config.httpAgent instanceof Agent) config.httpAgent = agentWithoutSockets(config.httpAgent);
  if (config.httpsAgent instanceof Agent) config.httpsAgent = agentWithoutSockets(config.httpsAgent);
}

function originOf({ href }: Hop): string {
  return typeof href === 'string' && URL.canParse(href) ? new URL(href).origin : '';
}

function withoutAuthorization(hop: Hop): Record<string, string> {
  return picked(hop, (name) => name !== 'authorization');
}

function authorizationOf(hop: Hop): Record<string, string> {
  return picked(hop, (name) => name === 'authorization');
}

function picked({ headers = {} }: Hop, wanted: (name: string) => boolean): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => wanted(name.toLowerCase())));
}

/** With `responseType: 'stream'` an unread response would keep its connection. */
function discard(data: unknown): void {
  if (data instanceof Readable) data.destroy();
  // A stream that has already failed refuses to be cancelled.
  else if (data instanceof ReadableStream) data.cancel().catch(() => undefined);
}
