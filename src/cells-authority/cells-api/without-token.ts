import { PassThrough, pipeline, Readable } from 'node:stream';
import { type AxiosResponse, type InternalAxiosRequestConfig, isAxiosError } from 'axios';

/**
 * Responses and errors of axios contain the request that was sent, with its headers: printed, they would show the
 * token. So the caller gets them without the request, and with the configuration that has no token.
 */
export function responseWithoutToken(response: AxiosResponse, config: InternalAxiosRequestConfig): AxiosResponse {
  delete response.request;
  response.config = config;
  response.data = dataWithoutToken(response.data, config);
  return response;
}

/** Changes the error itself, because its stack and identity matter to the caller. */
export function errorWithoutToken(error: unknown, config: InternalAxiosRequestConfig): unknown {
  if (!(error instanceof Error)) return error;
  if (isAxiosError(error)) {
    delete error.request;
    error.config = config;
    if (error.response !== undefined) responseWithoutToken(error.response, config);
  }
  errorWithoutToken(error.cause, config);
  return error;
}

/** Response streams refer to their request, or fail with an error that does. */
function dataWithoutToken(data: unknown, config: InternalAxiosRequestConfig): unknown {
  if (data instanceof Readable) return relay(data, config);
  if (data instanceof ReadableStream) return relayWeb(data as ReadableStream<Uint8Array>, config);
  return data;
}

function relay(source: Readable, config: InternalAxiosRequestConfig): Readable {
  const relayed = new PassThrough();
  // Before pipeline() passes the error on.
  source.on('error', (error) => errorWithoutToken(error, config));
  pipeline(source, relayed, () => undefined);
  return relayed;
}

function relayWeb(source: ReadableStream<Uint8Array>, config: InternalAxiosRequestConfig): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      try {
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        throw errorWithoutToken(error, config);
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
}
