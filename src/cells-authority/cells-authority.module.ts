import { Inject, Module, type NestModule, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { AuthorizationServerClient } from './authorization-server/authorization-server.client.js';
import { ConnectionPool, openConnectionPool } from './authorization-server/connection-pool.js';
import { TokenEndpoint, tokenHttpService } from './authorization-server/token-endpoint.js';
import { CellsApiAuthorization } from './cells-api/cells-api-authorization.js';
import { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } from './cells-authority.module-definition.js';
import { AUTHORITY_OPTIONS, completeOptions } from './cells-authority.options.js';
import { CellsAuthorityService } from './cells-authority.service.js';
import { monotonicClock, tokenClock, wallClock } from './clock.js';
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
  TOKEN_HTTP,
  WALL_CLOCK,
} from './injection-tokens.js';
import { warnOfHiddenModules } from './named-modules.js';
import { openSharedStore } from './shared-store/open-shared-store.js';
import { REDIS_PATIENCE_MS } from './shared-store/redis-access.js';
import { TokenSessions } from './sessions/token-sessions.js';
import { CacheKeys } from './token-cache/cache-keys.js';
import { CredentialHolds } from './token-cache/credential-holds.js';
import { GuessLimits } from './token-cache/guess-limits.js';
import { TokenAuthority } from './token-cache/token-authority.js';
import { TokenCache } from './token-cache/token-cache.js';
import { type TokenPath } from './token-paths.js';
import { TokenResponder } from './token-responder.js';
import { warnOfDisabledVerification } from './verified-tls.js';

@Module({
  providers: [
    CellsAuthorityService,
    CellsApiAuthorization,
    TokenResponder,
    TokenAuthority,
    TokenSessions,
    TokenCache,
    CacheKeys,
    CredentialHolds,
    GuessLimits,
    AuthorizationServerClient,
    TokenEndpoint,
    { provide: AUTHORITY_OPTIONS, useFactory: completeOptions, inject: [MODULE_OPTIONS_TOKEN] },
    { provide: AUTHORITY_CLOCK, useValue: monotonicClock },
    { provide: RANDOM, useValue: Math.random },
    { provide: WALL_CLOCK, useValue: wallClock },
    { provide: TOKEN_CLOCK, useFactory: tokenClock, inject: [AUTHORITY_CLOCK, WALL_CLOCK] },
    { provide: AUTHORITY_OBSERVER, useFactory: harmlessObserver, inject: [AUTHORITY_OPTIONS, AUTHORITY_CLOCK] },
    { provide: ConnectionPool, useFactory: openConnectionPool, inject: [AUTHORITY_OPTIONS] },
    { provide: TOKEN_HTTP, useFactory: tokenHttpService, inject: [ConnectionPool, AUTHORITY_OPTIONS] },
    { provide: SHARED_STORE_PATIENCE_MS, useValue: REDIS_PATIENCE_MS },
    {
      provide: SHARED_STORE,
      useFactory: openSharedStore,
      inject: [AUTHORITY_OPTIONS, AUTHORITY_CLOCK, AUTHORITY_OBSERVER, SHARED_STORE_PATIENCE_MS, WALL_CLOCK],
    },
  ],
})
export class CellsAuthorityModule
  extends ConfigurableModuleClass
  implements NestModule, OnModuleInit, OnApplicationShutdown
{
  constructor(
    @Inject(ConnectionPool) private readonly pool: ConnectionPool,
    @Inject(SERVED_PATHS) private readonly servedPaths: readonly TokenPath[],
    @Inject(TokenResponder) private readonly responder: TokenResponder,
    private readonly adapterHost: HttpAdapterHost,
    private readonly modules: ModulesContainer,
  ) {
    super();
  }

  /** Nest calls this when the host's HTTP adapter exists but its routes do not yet. */
  configure(): void {
    warnOfDisabledVerification();
    if (this.servedPaths.length === 0) return;
    keepTokenBodies(this.adapterHost.httpAdapter, this.responder, this.servedPaths);
  }

  onModuleInit(): void {
    warnOfHiddenModules(this.modules, this);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.pool.destroy();
  }
}
