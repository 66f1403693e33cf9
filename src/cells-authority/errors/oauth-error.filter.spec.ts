import { type ExceptionFilter } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/internal';
import { OAuthErrorFilter, TokenUnavailableFilter } from './oauth-error.filter.js';
import { type OAuthError } from './oauth-error.js';
import {
  gatewayTimeout,
  invalidRequest,
  serverError,
  temporarilyUnavailable,
  tooManyRequests,
} from './oauth-errors.js';

/** What a filter answers: status, Retry-After, body. */
function answerOf(filter: ExceptionFilter<OAuthError>, error: OAuthError): [number, string | undefined, unknown] {
  let status = 0;
  let body: unknown;
  const headers = new Map<string, string>();
  const response = {
    setHeader: (name: string, value: string) => headers.set(name, value),
    status(code: number) {
      status = code;
      return this;
    },
    send: (bytes: Buffer) => {
      body = JSON.parse(bytes.toString());
    },
  };
  filter.catch(error, new ExecutionContextHost([{}, response]));
  expect(headers.get('Content-Type')).toBe('application/json');
  return [status, headers.get('Retry-After'), body];
}

describe('OAuthErrorFilter', () => {
  it('answers with the error itself', () => {
    const body = { error: 'invalid_request', error_description: 'wrong', message: 'wrong' };
    expect(answerOf(new OAuthErrorFilter(), invalidRequest('wrong'))).toEqual([400, undefined, body]);
  });
});

describe('TokenUnavailableFilter', () => {
  it.each<[string, () => OAuthError, number, string | undefined]>([
    ['a throttled pair', () => tooManyRequests('throttled', 7), 503, '7'],
    ['an overload', () => temporarilyUnavailable('busy', 1), 503, '1'],
    ['a timeout', () => gatewayTimeout('slow'), 503, undefined],
    ['a broken upstream', () => serverError('broken'), 502, undefined],
    ['refused credentials', () => invalidRequest('wrong').with({ retryAfter: 5 }), 502, undefined],
  ])('blames nobody who calls the route for %s', (_name, make, status, retryAfter) => {
    const message = status === 503 ? 'Service Unavailable' : 'Bad Gateway';
    expect(answerOf(new TokenUnavailableFilter(), make())).toEqual([
      status,
      retryAfter,
      { statusCode: status, message },
    ]);
  });
});
