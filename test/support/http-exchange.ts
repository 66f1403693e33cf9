import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';

/** A request as a test wants it on the wire: header names and values in turn, repeats included. */
export interface WireRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers?: readonly string[];
  readonly body?: string | Buffer;
}

export interface WireReply {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** Sends exactly these headers, plus `Host`, `Connection` and the body's length. */
export async function exchange(
  origin: string,
  { method = 'POST', path, headers = [], body }: WireRequest,
): Promise<WireReply> {
  const { hostname, port } = new URL(origin);
  const framed = headers.some((name, i) => i % 2 === 0 && /^(?:content-length|transfer-encoding)$/i.test(name));
  const length = body === undefined || framed ? [] : ['Content-Length', String(Buffer.byteLength(body))];
  const outgoing = request({
    hostname,
    port,
    method,
    path,
    agent: false,
    headers: ['Host', `${hostname}:${port}`, 'Connection', 'close', ...headers, ...length],
  });
  outgoing.end(body);
  const [reply] = (await once(outgoing, 'response')) as [IncomingMessage];
  return { status: reply.statusCode ?? 0, headers: reply.headers, body: await text(reply) };
}
