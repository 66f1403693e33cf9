/** Headers of every error reply of the service itself. */
export const ERROR_HEADERS = {
  'Content-Type': 'application/json',
  'Cache-Control': 'no-store',
  Pragma: 'no-cache',
} as const;

/** An OAuth error response (RFC 6749 §5.2); `message` is what the Aspose Node SDK shows. */
export function errorBody(error: string, description: string): string {
  return JSON.stringify({ error, error_description: description, message: description });
}
