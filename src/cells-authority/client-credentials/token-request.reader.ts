import { OAuthError } from '../errors/oauth-error.js';
import { invalidRequest } from '../errors/oauth-errors.js';
import { readBasicAuthorization } from './basic-authorization.js';
import { type ClientCredentials, type CredentialForm, type TokenRequest } from './client-credentials.js';
import { readFreshnessWish } from './freshness-wish.js';
import { forEachFormParameter } from './form-urlencoded.js';
import { type HttpRequest, isRepeated } from './http-request.js';
import { type BodyForm, readBody } from './request-body.js';
import { TokenParameters } from './token-parameters.js';

/** A token request together with what the client named as its grant type. */
export interface ReadTokenRequest extends TokenRequest {
  readonly grantType: string | undefined;
}

/**
 * Reads a token request from wherever the client put it: query, form body, JSON body or HTTP Basic.
 *
 * @throws OAuthError `invalid_request` when the request is ambiguous or incomplete; it echoes nothing.
 */
export function readTokenRequest(request: HttpRequest, queryCredentials: 'allow' | 'deny'): ReadTokenRequest {
  const query = readQuery(request.originalUrl);
  const body = new TokenParameters();
  const bodyForm = readBody(request, body);
  refuseRepeatsAcross(query, body);
  if (queryCredentials === 'deny' && query.clientSecret !== undefined) {
    throw invalidRequest('A client_secret in the URL is refused here: send it in the body or with HTTP Basic');
  }
  const basic = readBasic(request);
  const { credentials, form } = singleMechanism(basic, query, body, bodyForm);
  return {
    credentials,
    form,
    grantType: query.grantType ?? body.grantType,
    scope: query.scope ?? body.scope,
    wish: readFreshnessWish(request.headers['cache-control']),
    clientAddress: request.ip,
  };
}

/**
 * The same; `undefined` when anything is wrong with how the request is put, for whoever reads it the whole way to say so.
 */
export function readAcceptableRequest(
  request: HttpRequest,
  queryCredentials: 'allow' | 'deny',
): ReadTokenRequest | undefined {
  return unlessRefused(() => {
    const read = readTokenRequest(request, queryCredentials);
    return read.grantType === undefined || read.grantType === 'client_credentials' ? read : undefined;
  });
}

/** The one client id that a request names, whatever is wrong with the rest; `undefined` when it names none or several. */
export function readClientId(request: HttpRequest): string | undefined {
  const named = [
    unlessRefused(() => readBasic(request)?.clientId),
    unlessRefused(() => readQuery(request.originalUrl).clientId),
    unlessRefused(() => {
      const body = new TokenParameters();
      readBody(request, body);
      return body.clientId;
    }),
  ].filter((clientId) => clientId !== undefined);
  return new Set(named).size === 1 ? named[0] : undefined;
}

function unlessRefused<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof OAuthError) return undefined;
    throw error;
  }
}

function readQuery(url: string): TokenParameters {
  const parameters = new TokenParameters();
  const question = url.indexOf('?');
  if (question !== -1) {
    forEachFormParameter(url.slice(question + 1), (name, value) => {
      parameters.add(name, value);
    });
  }
  return parameters;
}

function refuseRepeatsAcross(query: TokenParameters, body: TokenParameters): void {
  if (query.sent.grant_type !== undefined && body.sent.grant_type !== undefined)
    throw invalidRequest('grant_type is repeated');
  if (query.sent.scope !== undefined && body.sent.scope !== undefined) throw invalidRequest('scope is repeated');
}

function readBasic(request: HttpRequest): ClientCredentials | undefined {
  const header = request.headers.authorization;
  if (header === undefined) return undefined;
  if (isRepeated('authorization', request)) throw invalidRequest('The Authorization header is repeated');
  return readBasicAuthorization(header);
}

interface Mechanism {
  readonly credentials: ClientCredentials;
  readonly form: CredentialForm;
}

/** A client must not use more than one authentication method in a request (RFC 6749 §2.3). */
function singleMechanism(
  basic: ClientCredentials | undefined,
  query: TokenParameters,
  body: TokenParameters,
  bodyForm: BodyForm | undefined,
): Mechanism {
  const inQuery = query.clientId !== undefined || query.clientSecret !== undefined;
  const inBody = body.clientId !== undefined || body.clientSecret !== undefined;
  if (inQuery && inBody) throw invalidRequest('Client credentials must be sent in one way only');
  const sent = inQuery ? query : body;
  const clientId = sent.clientId;
  const clientSecret = sent.clientSecret;
  if (basic !== undefined) {
    if (clientSecret !== undefined) throw invalidRequest('Client credentials must be sent in one way only');
    if (clientId !== undefined && clientId !== basic.clientId) {
      throw invalidRequest('client_id differs from the one in the Authorization header');
    }
    return { credentials: basic, form: 'basic' };
  }
  if (clientId === undefined) throw invalidRequest('client_id is missing');
  if (clientSecret === undefined) throw invalidRequest('client_secret is missing');
  return {
    credentials: { clientId, clientSecret },
    form: inQuery ? 'query' : (bodyForm ?? 'form'),
  };
}
