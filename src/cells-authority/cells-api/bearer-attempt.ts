import { Readable } from 'node:stream';
import axios, { type AxiosAdapter, AxiosHeaders, type AxiosResponse, type InternalAxiosRequestConfig } from 'axios';

/** What became of a request that was sent with a token. */
export interface BearerAttempt {
  /** The API itself answered 401. */
  readonly unauthorized: boolean;
  /** Gives the response to the caller, or throws the error. */
  settle(): AxiosResponse;
  /** Lets go of a response that nobody is going to read. */
  discard(): void;
}

/** Sends the request with the token in a configuration of its own, which no caller and no axios error gets to see. */
export async function sendBearer(
  config: InternalAxiosRequestConfig,
  adapter: AxiosAdapter,
  token: string,
  origin: string,
): Promise<BearerAttempt> {
  let redirectedAway = false;
  const authorized: InternalAxiosRequestConfig = {
    ...config,
    headers: new AxiosHeaders(config.headers).set('Authorization', `Bearer ${token}`),
    beforeRedirect: (redirect, response, request) => {
      // axios has taken the token away: what that server says is no word about it.
      if (originOf(redirect) !== origin) redirectedAway = true;
      config.beforeRedirect?.(redirect, response, request);
    },
  };
  try {
    const response = await adapter(authorized);
    response.config = config;
    const unauthorized = response.status === 401 && !redirectedAway;
    return {
      unauthorized,
      settle: () => response,
      discard: () => {
        destroy(response.data);
      },
    };
  } catch (error) {
    const response = axios.isAxiosError(error) ? error.response : undefined;
    if (axios.isAxiosError(error)) error.config = config;
    if (response !== undefined) response.config = config;
    return {
      unauthorized: response?.status === 401 && !redirectedAway,
      settle: () => {
        throw error;
      },
      discard: () => {
        destroy(response?.data);
      },
    };
  }
}

function originOf(redirect: Record<string, unknown>): string {
  const { href } = redirect;
  return typeof href === 'string' && URL.canParse(href) ? new URL(href).origin : '';
}

/** `responseType: 'stream'`: unread, it would keep its connection. */
function destroy(data: unknown): void {
  if (data instanceof Readable) data.destroy();
}
