import { HttpService } from '@nestjs/axios';
import { Inject, Module, type NestModule, type OnApplicationShutdown } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { AuthorizationServerClient } from './authorization-server/authorization-server.client.js';
import { ConnectionPool } from './authorization-server/connection-pool.js';
import { tokenHttpService } from './authorization-server/token-http-service.js';
import { type AuthorityObserver } from './authority-observer.js';
import { CellsApiAuthorization } from './cells-api/cells-api-authorization.js';
import { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } from './cells-authority.module-definition.js';
import { AUTHORITY_OPTIONS, type AuthorityOptions, completeOptions } from './cells-authority.options.js';
import { CellsAuthorityService } from './cells-authority.service.js';
import { type Clock, monotonicClock, tokenClock, wallClock } from './clock.js';
import { harmlessObserver } from './harmless-observer.js';
import { keepTokenBodies } from './host-adapters/token-bodies.js';
import {
  AUTHORITY_CLOCK,
  AUTHORITY_OBSERVER,
  RANDOM,
  SERVED_PATHS,
  SHARED_STORE,
  SHARED_STORE_PATIENCE_MS,
  TOKEN_CLOCK,
  WALL_CLOCK,
} from './injection-tokens.js';
import { logEvents } from './log-events.js';
import { openSharedStore } from './shared-store/open-shared-store.js';
import { REDIS_PATIENCE_MS } from './shared-store/redis-access.js';
import { CacheKeys } from './token-cache/cache-keys.js';
import { CredentialHolds } from './token-cache/credential-holds.js';
import { GuessLimits } from './token-cache/guess-limits.js';
import { TokenAuthority } from './token-cache/token-authority.js';
import { TokenCache } from './token-cache/token-cache.js';
import { type TokenPath } from './token-paths.js';
import { TokenResponder } from './token-responder.js';
import { readCertificateAuthorities, warnOfDisabledVerification } from './verified-tls.js';

@Module({
  providers: [
    CellsAuthorityService,
    CellsApiAuthorization,
    TokenResponder,
    TokenAuthority,
    TokenCache,
    CacheKeys,
    CredentialHolds,
    GuessLimits,
    { provide: AUTHORITY_OPTIONS, useFactory: completeOptions, inject: [MODULE_OPTIONS_TOKEN] },
    { provide: AUTHORITY_CLOCK, useValue: monotonicClock },
    { provide: RANDOM, useValue: Math.random },
    { provide: WALL_CLOCK, useValue: wallClock },
    { provide: TOKEN_CLOCK, useFactory: tokenClock, inject: [AUTHORITY_CLOCK, WALL_CLOCK] },
    {
      provide: AUTHORITY_OBSERVER,
      useFactory: ({ observer }: AuthorityOptions, clock: Clock) => harmlessObserver(observer ?? logEvents(), clock),
      inject: [AUTHORITY_OPTIONS, AUTHORITY_CLOCK],
    },
    {
      provide: ConnectionPool,
      useFactory: (options: AuthorityOptions) =>
        new ConnectionPool({
          origin: new URL(options.upstreamTokenUrl).origin,
          maxConnections: options.upstreamMaxConnections,
          connectTimeoutMs: options.upstreamConnectTimeoutMs,
          ca: options.upstreamCaFile === undefined ? undefined : readCertificateAuthorities(options.upstreamCaFile),
        }),
      inject: [AUTHORITY_OPTIONS],
    },
    {
      provide: HttpService,
      useFactory: tokenHttpService,
      inject: [ConnectionPool],
    },
    {
      provide: AuthorizationServerClient,
      useFactory: (http: HttpService, options: AuthorityOptions, clock: Clock, observe: AuthorityObserver) =>
        new AuthorizationServerClient(
          http,
          {
            tokenUrl: options.upstreamTokenUrl,
            maxConnections: options.upstreamMaxConnections,
            timeoutMs: options.upstreamTimeoutMs,
          },
          clock,
          observe,
        ),
      inject: [HttpService, AUTHORITY_OPTIONS, AUTHORITY_CLOCK, AUTHORITY_OBSERVER],
    },
    { provide: SHARED_STORE_PATIENCE_MS, useValue: REDIS_PATIENCE_MS },
    {
      provide: SHARED_STORE,
      useFactory: openSharedStore,
      inject: [AUTHORITY_OPTIONS, AUTHORITY_CLOCK, AUTHORITY_OBSERVER, SHARED_STORE_PATIENCE_MS, WALL_CLOCK],
    },
  ],
  exports: [CellsAuthorityService, CellsApiAuthorization, TokenResponder],
})
export class CellsAuthorityModule extends ConfigurableModuleClass implements NestModule, OnApplicationShutdown {
  constructor(
    @Inject(ConnectionPool) private readonly pool: ConnectionPool,
    @Inject(SERVED_PATHS) private readonly servedPaths: readonly TokenPath[],
    @Inject(TokenResponder) private readonly responder: TokenResponder,
    private readonly adapterHost: HttpAdapterHost,
  ) {
    super();
  }

  /** The one moment at which the host's HTTP adapter is there and its routes are not. */
  configure(): void {
    warnOfDisabledVerification();
    if (this.servedPaths.length === 0) return;
    keepTokenBodies(this.adapterHost.httpAdapter, this.responder, this.servedPaths);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.pool.destroy();
  }
}
