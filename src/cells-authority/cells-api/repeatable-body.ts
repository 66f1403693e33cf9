import { type InternalAxiosRequestConfig } from 'axios';

/** Whether a request body can be sent a second time: a stream has been read by then. */
export function isRepeatable(data: unknown): boolean {
  if (data === undefined || data === null) return true;
  return (
    typeof data === 'string' ||
    data instanceof ArrayBuffer ||
    ArrayBuffer.isView(data) ||
    data instanceof URLSearchParams ||
    data instanceof FormData ||
    data instanceof Blob
  );
}

/** A form of the package `form-data`, which axios makes of the objects that `postForm()` gets. */
interface FormStream {
  getBuffer(): Buffer;
  getHeaders(): Record<string, string>;
}

/** Such a form is a stream; the same request with its bytes, if all of them are in memory. */
export function withRepeatableForm(config: InternalAxiosRequestConfig): InternalAxiosRequestConfig {
  const form: unknown = config.data;
  if (!isFormStream(form)) return config;
  try {
    const data = form.getBuffer();
    return { ...config, data, headers: config.headers.concat(form.getHeaders()) };
  } catch {
    // There is a file or another stream in it.
    return config;
  }
}

function isFormStream(data: unknown): data is FormStream {
  return typeof data === 'object' && data !== null && 'getBuffer' in data && 'getHeaders' in data;
}
