import { ConfigurableModuleBuilder, type Provider } from '@nestjs/common';
import { CellsApiAuthorization } from './cells-api/cells-api-authorization.js';
import { type CellsAuthorityOptions } from './cells-authority.options.js';
import { CellsAuthorityService } from './cells-authority.service.js';
import { describeControllers } from './dto/describe-operation.js';
import { CELLS_AUTHORITY_OPTIONS, OPERATION_DESCRIPTION, SERVED_PATHS } from './injection-tokens.js';
import { getCellsApiAuthorizationToken, getCellsAuthorityToken } from './named-modules.js';
import { TokenSessions } from './sessions/token-sessions.js';
import { tokenControllers } from './token-path.controllers.js';
import { PUBLISHED_PATH, SDK_PATHS, type SdkPath, type TokenPath } from './token-paths.js';
import { TokenResponder } from './token-responder.js';

/** Given beside the options, because Nest needs these before it makes the options. */
export interface CellsAuthorityExtras {
  /**
   * Distinguishes several modules of one application: `@InjectCellsAuthority(name)` and
   * `@InjectCellsApiAuthorization(name)` inject what the module of that name provides. Default none.
   */
  name?: string | undefined;
  /** Whether the whole application can inject what the module exports, without importing it again. Default false. */
  isGlobal?: boolean | undefined;
  /**
   * Whether the module serves the HTTP operation, besides providing its services. Default true; false for a module with
   * a name.
   */
  controller?: boolean | undefined;
  /**
   * Paths, beside the published one, where SDKs request their tokens: `true` for all of them, or a list. Default none.
   */
  sdkPaths?: boolean | readonly SdkPath[] | undefined;
  /**
   * Decorators for the controllers of the operation, such as one that exempts it from the application's guards, or
   * `ApiExcludeController()`, which keeps it out of the OpenAPI document. Default none.
   */
  decorators?: readonly ClassDecorator[] | undefined;
}

/** Lists all extras, because Nest treats anything else as an option. */
const EXTRAS: CellsAuthorityExtras = {
  name: undefined,
  isGlobal: undefined,
  controller: undefined,
  sdkPaths: undefined,
  decorators: undefined,
};

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } = new ConfigurableModuleBuilder<CellsAuthorityOptions>({
  moduleName: 'CellsAuthority',
  optionsInjectionToken: CELLS_AUTHORITY_OPTIONS,
})
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createCellsAuthorityOptions')
  .setExtras(EXTRAS, (definition, { name, isGlobal = false, controller, sdkPaths = false, decorators = [] }) => {
    const paths: readonly TokenPath[] = checkedFlag('controller', controller ?? name === undefined)
      ? [PUBLISHED_PATH, ...checkedPaths(sdkPaths)]
      : [];
    const controllers = tokenControllers(paths, decorators);
    const named = name === undefined ? [] : namedProviders(name);
    return {
      ...definition,
      global: checkedFlag('isGlobal', isGlobal),
      controllers,
      providers: [
        ...(definition.providers ?? []),
        ...named,
        { provide: SERVED_PATHS, useValue: paths },
        { provide: OPERATION_DESCRIPTION, useFactory: () => describeControllers(controllers) },
      ],
      exports: name === undefined ? UNNAMED_EXPORTS : named,
    };
  })
  .build();

const UNNAMED_EXPORTS = [CellsAuthorityService, CellsApiAuthorization, TokenResponder, TokenSessions];

function namedProviders(name: unknown): Provider[] {
  if (typeof name !== 'string' || name === '') throw new Error('CellsAuthorityModule: name must be a text');
  return [
    { provide: getCellsAuthorityToken(name), useExisting: CellsAuthorityService },
    { provide: getCellsApiAuthorizationToken(name), useExisting: CellsApiAuthorization },
  ];
}

function checkedFlag(name: keyof CellsAuthorityExtras, value: unknown): boolean {
  if (typeof value !== 'boolean') throw new Error(`CellsAuthorityModule: ${name} must be true or false`);
  return value;
}

function checkedPaths(sdkPaths: unknown): readonly SdkPath[] {
  if (typeof sdkPaths === 'boolean') return sdkPaths ? SDK_PATHS : [];
  const wanted: readonly unknown[] = Array.isArray(sdkPaths) ? sdkPaths : [sdkPaths];
  const chosen = SDK_PATHS.filter((path) => wanted.includes(path));
  if (!Array.isArray(sdkPaths) || chosen.length !== wanted.length) {
    throw new Error(`CellsAuthorityModule: sdkPaths must be true, false or a list of: ${SDK_PATHS.join(', ')}`);
  }
  return chosen;
}
