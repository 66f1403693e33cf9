import { Agent } from 'node:http';
import { Readable } from 'node:stream';
import { type AxiosAdapter, type AxiosResponse, type InternalAxiosRequestConfig, isAxiosError } from 'axios';
import { agentWithoutSockets } from './agent-without-sockets.js';
import { errorWithoutToken, responseWithoutToken } from './without-token.js';

/** What became of a request that was sent with a token. */
export interface BearerAttempt {
  /** The API itself answered 401. */
  readonly unauthorized: boolean;
  /** Gives the response to the caller, or throws the error. */
  settle(): AxiosResponse;
  /** Lets go of a response that nobody is going to read. */
  discard(): void;
}

/** Follow-redirects' options for the next hop, or its account of the last one. */
type Hop = Record<string, unknown> & { headers?: Record<string, string> };

/**
 * Sends the request with the token in a configuration of its own, which neither the caller nor any error gets to see:
 * those have `shown`.
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
      // axios has taken the token away: what that server says is no word about it.
      if (originOf(next) !== origin) redirectedAway = true;
      if (config.beforeRedirect === undefined) return;
      const visible: Hop = { ...next, headers: withoutAuthorization(next) };
      // Node's modules, with the sockets of its global agents.
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

/** The configuration is axios's copy for this request, and goes to the caller with the outcome. */
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

/** `responseType: 'stream'`: unread, it would keep its connection. */
function discard(data: unknown): void {
  if (data instanceof Readable) data.destroy();
  else if (data instanceof ReadableStream) void data.cancel();
}
