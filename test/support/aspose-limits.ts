import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { BAN_S, CredentialBans, type PairCount } from './credential-bans.js';
import { closedAtTheEnd } from './leftovers.js';
import { ownedToken } from './owned-token.js';

export interface AsposeLimitsOptions {
  /** Client ids and their secrets; may be changed while it runs, through `clients`. */
  readonly clients?: Iterable<readonly [clientId: string, clientSecret: string]>;
  /** Milliseconds. Default: the real clock. */
  readonly now?: () => number;
  /** `expires_in` of the tokens. Default: 86400 seconds. */
  readonly expiresIn?: number;
  /** Delay of each answer. Default 0; may be changed while it runs. */
  readonly latencyMs?: number;
  /** Turn off for very many requests, which would take memory. Default: on. Counts are always kept. */
  readonly record?: boolean;
}

export interface RecordedTokenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Every header as sent, name and value in turn. */
  readonly rawHeaders: readonly string[];
  readonly body: string;
  /** The form fields in the order they were sent, repeats included. */
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** An answer made up by the test. An object body is sent as JSON. */
export interface NextReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | object;
}

const INVALID_CLIENT: NextReply = { status: 400, body: { error: 'invalid_client' } };
const BANNED: NextReply = {
  status: 429,
  headers: { 'Retry-After': String(BAN_S) },
  body: { error: 'too_many_requests', error_description: 'Too many failed requests' },
};

/**
 * The upstream of most tests: a fast authorization server that knows a set of clients, gives them tokens that name
 * their owner, bans failing pairs as Aspose does, and records what it was sent.
 */
export class AsposeLimits {
  readonly clients: Map<string, string>;
  readonly requests: RecordedTokenRequest[] = [];
  /** Scopes that no client may ask for. */
  readonly refusedScopes = new Set<string>();
  latencyMs: number;
  expiresIn: number;
  /** Requests so far, answered or not. */
  requestCount = 0;
  /** Tokens issued so far; the serial of the last one. */
  issued = 0;

  readonly #server: Server;
  readonly #bans: CredentialBans;
  readonly #record: boolean;
  #replies: NextReply[] = [];

  /** Starts on a free loopback port. */
  static async start(options: AsposeLimitsOptions = {}): Promise<AsposeLimits> {
    const limits = new AsposeLimits(options);
    limits.#server.listen(0, '127.0.0.1');
    await once(limits.#server, 'listening');
    return closedAtTheEnd(limits);
  }

  private constructor({
    clients = [],
    now = Date.now,
    expiresIn = 86_400,
    latencyMs = 0,
    record = true,
  }: AsposeLimitsOptions) {
    this.clients = new Map(clients);
    this.expiresIn = expiresIn;
    this.latencyMs = latencyMs;
    this.#record = record;
    this.#bans = new CredentialBans(now);
    // Connections that a test leaves idle must stay open.
    this.#server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
      // A client that disconnects in the middle is not an error of the server.
      this.#handle(request, response).catch(() => response.destroy());
    });
  }

  get tokenUrl(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/connect/token`;
  }

  /** Answers the next requests with these, one each, whatever they ask for. They do not count towards bans. */
  respondNext(...replies: NextReply[]): void {
    this.#replies.push(...replies);
  }

  count(clientId: string, clientSecret: string): Readonly<PairCount> {
    return this.#bans.count(clientId, clientSecret);
  }

  /** The most failures of a pair that any 600 seconds saw. */
  mostFailures(clientId: string, clientSecret: string): number {
    return this.#bans.mostFailures(clientId, clientSecret);
  }

  /** Forgets recorded requests and unused replies, between tests; clients, bans and counts stay. */
  clear(): void {
    this.requests.length = 0;
    this.#replies = [];
  }

  /** @throws when a reply of `respondNext` was not used: then the test does not do what it says. */
  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
    if (this.#replies.length > 0) throw new Error(`${this.#replies.length} replies of respondNext() were never used`);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    this.requestCount += 1;
    const fields = [...new URLSearchParams(body)];
    if (this.#record) {
      const { method = '', url: path = '', headers, rawHeaders } = request;
      this.requests.push({ method, path, headers, rawHeaders, body, fields });
    }
    const reply = this.#replies.shift() ?? this.#answer(new Map(fields));
    if (this.latencyMs > 0) await delay(this.latencyMs);
    send(response, reply);
  }

  #answer(fields: ReadonlyMap<string, string>): NextReply {
    const clientId = fields.get('client_id') ?? '';
    const clientSecret = fields.get('client_secret') ?? '';
    if (this.#bans.turnsAway(clientId, clientSecret)) return BANNED;

    const known = clientSecret !== '' && this.clients.get(clientId) === clientSecret;
    if (!known || fields.get('grant_type') !== 'client_credentials') {
      this.#bans.failed(clientId, clientSecret);
      return known ? { status: 400, body: { error: 'unsupported_grant_type' } } : INVALID_CLIENT;
    }
    const scope = fields.get('scope');
    if (this.refusedScopes.has(scope ?? '')) {
      this.#bans.failed(clientId, clientSecret);
      return { status: 400, body: { error: 'invalid_scope' } };
    }
    this.issued += 1;
    return {
      status: 200,
      body: {
        access_token: ownedToken({ clientId, scope: scope ?? '', serial: this.issued }),
        expires_in: this.expiresIn,
        token_type: 'Bearer',
        ...(scope === undefined ? {} : { scope }),
      },
    };
  }
}

function send(response: ServerResponse, { status, headers, body = '' }: NextReply): void {
  const bytes = typeof body === 'string' ? body : JSON.stringify(body);
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(bytes),
    ...headers,
  });
  response.end(bytes);
}
