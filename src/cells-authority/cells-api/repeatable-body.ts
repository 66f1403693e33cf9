import { type InternalAxiosRequestConfig } from 'axios';

/** Whether a request body can be sent again; a stream cannot, because it has been read. */
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

/** A form of the package `form-data`, which axios makes from objects passed to `postForm()`. */
interface FormStream {
  getBuffer(): Buffer;
  getHeaders(): Record<string, string>;
}

/** Such a form is a stream. Replaces it by its bytes, if all of them are in memory. */
export function withRepeatableForm(config: InternalAxiosRequestConfig): InternalAxiosRequestConfig {
  const form: unknown = config.data;
  if (!isFormStream(form)) return config;
  try {
    const data = form.getBuffer();
    return { ...config, data, headers: config.headers.concat(form.getHeaders()) };
  } catch {
    // The form contains a file or another stream.
    return config;
  }
}

function isFormStream(data: unknown): data is FormStream {
  return typeof data === 'object' && data !== null && 'getBuffer' in data && 'getHeaders' in data;
}
