import { invalidRequest } from '../errors/oauth-errors.js';
import { isBasic, readBasicAuthorization } from './basic-authorization.js';
import {
  type ClientCredentials,
  type CredentialForm,
  type FreshnessWish,
  type TokenRequest,
} from './client-credentials.js';
import { type HttpRequest, isRepeated } from './http-request.js';
import { type BodyForm, bodyFormOf, readBody } from './request-body.js';
import { TokenParameters } from './token-parameters.js';

/** A token request with the grant type that the client named. */
export interface ReadTokenRequest extends TokenRequest {
  readonly grantType: string | undefined;
}

/**
 * Reads a token request from wherever the client put it: query, form body, JSON body or HTTP Basic. Afterwards, even if
 * reading failed, it knows in which form the request came and, if possible, from which client.
 */
export class TokenRequestReader {
  readonly #query = new TokenParameters();
  readonly #body = new TokenParameters();
  #basic: ClientCredentials | undefined;
  #bodyForm: BodyForm | undefined;

  constructor(
    private readonly request: HttpRequest,
    private readonly queryCredentials: 'allow' | 'deny',
  ) {}

  /**
   * Reads the whole request.
   *
   * @param body text, or what the host has parsed it to.
   * @throws OAuthError `invalid_request` when the request is ambiguous or incomplete. It quotes nothing of the request.
   */
  read(body: unknown): ReadTokenRequest {
    const { headers, ip } = this.request;
    const query = this.#query;
    const parameters = this.#body;
    this.readHead();
    if (this.#bodyForm !== undefined) readBody(this.#bodyForm, headers['content-encoding'], body, parameters);
    refuseRepeatsAcross(query, parameters);
    const credentials = this.#credentials();
    return {
      credentials,
      grantType: query.grantType ?? parameters.grantType,
      scope: query.scope ?? parameters.scope,
      wish: readFreshnessWish(headers['cache-control']),
      // A client that has reset its connection has no address any more. Its failures count as well.
      clientAddress: ip ?? 'unknown',
    };
  }

  /** Reads everything but the body. @throws OAuthError like {@link read}. */
  readHead(): void {
    const { originalUrl, headers } = this.request;
    this.#bodyForm = bodyFormOf(headers);
    const question = originalUrl.indexOf('?');
    if (question !== -1) this.#query.addForm(originalUrl.slice(question + 1));
    if (this.queryCredentials === 'deny' && this.#query.clientSecret !== undefined) {
      throw invalidRequest('A client_secret in the URL is refused here: send it in the body or with HTTP Basic');
    }
    if (headers.authorization === undefined) return;
    if (isRepeated('authorization', this.request)) throw invalidRequest('The Authorization header is repeated');
    this.#basic = readBasicAuthorization(headers.authorization);
  }

  /** Where the client put its credentials, or apparently meant to. */
  get form(): CredentialForm | 'none' {
    if (isBasic(this.request.headers.authorization)) return 'basic';
    if (this.#query.clientId !== undefined || this.#query.clientSecret !== undefined) return 'query';
    return this.#bodyForm === undefined || this.#bodyForm === 'unsupported' ? 'none' : this.#bodyForm;
  }

  /** The client id, if exactly one was named. */
  get clientId(): string | undefined {
    const named = [this.#basic?.clientId, this.#query.clientId, this.#body.clientId].filter((id) => id !== undefined);
    return new Set(named).size === 1 ? named[0] : undefined;
  }

  /** A client must not use more than one authentication method in a request (RFC 6749 §2.3). */
  #credentials(): ClientCredentials {
    const query = this.#query;
    const body = this.#body;
    const inQuery = query.clientId !== undefined || query.clientSecret !== undefined;
    const inBody = body.clientId !== undefined || body.clientSecret !== undefined;
    if (inQuery && inBody) throw invalidRequest('Client credentials must be sent in one way only');
    const { clientId, clientSecret } = inQuery ? query : body;
    if (this.#basic !== undefined) {
      if (clientSecret !== undefined) throw invalidRequest('Client credentials must be sent in one way only');
      if (clientId !== undefined && clientId !== this.#basic.clientId) {
        throw invalidRequest('client_id differs from the one in the Authorization header');
      }
      return this.#basic;
    }
    if (clientId === undefined) throw invalidRequest('client_id is missing');
    if (clientSecret === undefined) throw invalidRequest('client_secret is missing');
    return { clientId, clientSecret };
  }
}

function refuseRepeatsAcross(query: TokenParameters, body: TokenParameters): void {
  if (query.sent.grant_type !== undefined && body.sent.grant_type !== undefined)
    throw invalidRequest('grant_type is repeated');
  if (query.sent.scope !== undefined && body.sent.scope !== undefined) throw invalidRequest('scope is repeated');
}

const NO_WISH: FreshnessWish = { forceRefresh: false, minFresh: 0 };

/** Reads `no-cache` and `min-fresh=N` from a request's Cache-Control (RFC 9111 §5.2.1) and ignores anything else. */
function readFreshnessWish(cacheControl: string | undefined): FreshnessWish {
  if (cacheControl === undefined) return NO_WISH;
  let forceRefresh = false;
  let minFresh = 0;
  for (const directive of cacheControl.toLowerCase().split(',')) {
    const [name, argument] = directive.trim().split('=', 2);
    if (name === 'no-cache') forceRefresh = true;
    const seconds = /^"?(\d{1,9})"?$/.exec(argument ?? '')?.[1];
    if (name === 'min-fresh' && seconds !== undefined) minFresh = Number(seconds);
  }
  return { forceRefresh, minFresh };
}
