/** Whether a request body, as axios is about to send it, can be sent a second time: a stream has been read by then. */
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
