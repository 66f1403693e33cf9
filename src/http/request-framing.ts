import { type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';

/** Lets `refuse` answer requests whose framing is ambiguous. */
export function wellFramed(
  answer: RequestListener,
  refuse: (response: ServerResponse, description: string) => void,
): RequestListener {
  return (request, response) => {
    const fault = framingFault(request);
    if (fault === undefined) answer(request, response);
    else refuse(response, fault);
  };
}

/**
 * What is wrong with a request's framing. Finds what Node's parser accepts but another server might read differently:
 * unknown transfer codings, and no Host field or several (RFC 9112 §6.1, §3.2).
 */
function framingFault({ headers, rawHeaders, httpVersion }: IncomingMessage): string | undefined {
  const coding = headers['transfer-encoding'];
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') return 'The transfer coding is not supported';
  const hosts = countHosts(rawHeaders);
  if (hosts > 1) return 'There is more than one Host';
  if (hosts === 0 && httpVersion === '1.1') return 'There is no Host';
  return undefined;
}

/** Looks at the raw headers, because `headers` only has the first one of repeated fields. */
function countHosts(rawHeaders: readonly string[]): number {
  let count = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    if (name.length === 4 && name.toLowerCase() === 'host') count += 1;
  }
  return count;
}
