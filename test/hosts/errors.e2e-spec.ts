import { inspect } from 'node:util';
import { Controller, Get, Param, UseFilters } from '@nestjs/common';
import {
  CellsAuthorityModule,
  OAuthError,
  OAuthErrorFilter,
  TokenUnavailableFilter,
} from '../../src/cells-authority/index.js';
import * as errors from '../../src/cells-authority/errors/oauth-error.js';
import { exchange } from '../support/http-exchange.js';
import { hostAdapters, startHost } from './host-adapters.js';

/** As a second copy of the package has it. */
function copiedOAuthError(): typeof OAuthError {
  let copy: typeof errors | undefined;
  jest.isolateModules(() => {
    copy = jest.requireActual<typeof errors>('../../src/cells-authority/errors/oauth-error.js');
  });
  if (copy === undefined || copy.OAuthError === OAuthError) throw new Error('no copy');
  return copy.OAuthError;
}

const ERRORS = {
  refused: { error: 'invalid_client', status: 400, description: 'Client credentials are invalid', retryAfter: 10 },
  throttled: { error: 'temporarily_unavailable', status: 429, description: 'Too many', retryAfter: 600 },
  silent: { error: 'temporarily_unavailable', status: 504, description: 'No answer' },
} as const;

describe('An OAuthError', () => {
  const Copy = copiedOAuthError();

  it('is known by any copy of the class, and nothing else is', () => {
    expect(new Copy(ERRORS.refused)).toBeInstanceOf(OAuthError);
    expect(new OAuthError(ERRORS.refused)).toBeInstanceOf(Copy);
    for (const other of [new Error('invalid_client'), { ...ERRORS.refused }, undefined, 'OAuthError', Object]) {
      expect(other instanceof OAuthError).toBe(false);
    }
    class Special extends OAuthError {}
    expect(new OAuthError(ERRORS.refused) instanceof Special).toBe(false);
    expect(new Special(ERRORS.refused) instanceof Special).toBe(true);
    expect(inspect(new OAuthError(ERRORS.refused))).not.toContain('Symbol');
  });

  @Controller()
  class OwnController {
    @Get('plain/:name')
    @UseFilters(TokenUnavailableFilter)
    plain(@Param('name') name: keyof typeof ERRORS): never {
      throw new Copy(ERRORS[name]);
    }

    @Get('oauth/:name')
    @UseFilters(OAuthErrorFilter)
    oauth(@Param('name') name: keyof typeof ERRORS): never {
      throw new Copy(ERRORS[name]);
    }
  }

  it.each(hostAdapters)("has filters for a host's own routes on %s", async (adapter) => {
    const app = await startHost(adapter, [
      CellsAuthorityModule.forRoot({}),
      { module: class Own {}, controllers: [OwnController] },
    ]);
    const ask = async (path: string) => {
      const { status, headers, body } = await exchange(await app.getUrl(), { method: 'GET', path });
      return [status, headers['retry-after'], JSON.parse(body) as unknown];
    };

    expect(await ask('/plain/refused')).toEqual([502, undefined, { statusCode: 502, message: 'Bad Gateway' }]);
    expect(await ask('/plain/throttled')).toEqual([503, '600', { statusCode: 503, message: 'Service Unavailable' }]);
    expect(await ask('/plain/silent')).toEqual([503, undefined, { statusCode: 503, message: 'Service Unavailable' }]);
    const { description, retryAfter } = ERRORS.refused;
    expect(await ask('/oauth/refused')).toEqual([
      400,
      String(retryAfter),
      { error: 'invalid_client', error_description: description, message: description },
    ]);
  });
});
