import { Inject, Logger } from '@nestjs/common';
import { type ModulesContainer } from '@nestjs/core';
import { CellsAuthorityService } from './cells-authority.service.js';

/** Injection token of the `CellsAuthorityService` of the module with this name, for example to override it in tests. */
export function getCellsAuthorityToken(name: string): string {
  return `CellsAuthorityService(${name})`;
}

/** The same for `CellsApiAuthorization`. */
export function getCellsApiAuthorizationToken(name: string): string {
  return `CellsApiAuthorization(${name})`;
}

/** Injects the `CellsAuthorityService` of the module with this name: `forRoot({ name })`. */
export function InjectCellsAuthority(name: string): ParameterDecorator & PropertyDecorator {
  return Inject(getCellsAuthorityToken(name));
}

/** Injects the `CellsApiAuthorization` of the module with this name: `forRoot({ name })`. */
export function InjectCellsApiAuthorization(name: string): ParameterDecorator & PropertyDecorator {
  return Inject(getCellsApiAuthorizationToken(name));
}

/**
 * Warns when several global modules provide the same services, because it depends on the order of imports which one is
 * injected. Each module calls this; only the first one warns.
 */
export function warnOfHiddenModules(container: ModulesContainer, self: object): void {
  const unnamed = [...container.values()].filter(
    (module) => module.metatype === self.constructor && module.isGlobal && module.exports.has(CellsAuthorityService),
  );
  if (unnamed.length < 2 || unnamed[0]?.instance !== self) return;
  new Logger('CellsAuthority').warn(
    `${unnamed.length} global CellsAuthorityModules hide each other: give all but one a name (forRoot({ name }))`,
  );
}
