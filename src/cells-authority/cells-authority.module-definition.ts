import { ConfigurableModuleBuilder } from '@nestjs/common';
import { type CellsAuthorityOptions } from './cells-authority.options.js';
import { describeControllers } from './dto/describe-operation.js';
import { OPERATION_DESCRIPTION, SERVED_PATHS } from './injection-tokens.js';
import { tokenControllers } from './token-path.controllers.js';
import { PUBLISHED_PATH, SDK_PATHS, type SdkPath, type TokenPath } from './token-paths.js';

/** What is given beside the options, for Nest needs to know it before it makes them. */
export interface CellsAuthorityExtras {
  /** Whether the whole application can inject what the module exports, without importing it again. Default false. */
  isGlobal?: boolean;
  /** Whether the module serves the HTTP operation, or is there for its services alone. Default true. */
  controller?: boolean;
  /**
   * The paths, beside the published one, at which SDKs ask for their tokens: `true` for all of them, or a list.
   * Default none.
   */
  sdkPaths?: boolean | readonly SdkPath[];
  /**
   * Decorators for the controllers of the operation: the one that lets it pass the application's guards, say, or
   * `ApiExcludeController()`, which keeps it out of the OpenAPI document. Default none.
   */
  decorators?: readonly ClassDecorator[];
}

const EXTRAS: Required<CellsAuthorityExtras> = { isGlobal: false, controller: true, sdkPaths: false, decorators: [] };

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } = new ConfigurableModuleBuilder<CellsAuthorityOptions>({
  moduleName: 'CellsAuthority',
})
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createCellsAuthorityOptions')
  .setExtras(EXTRAS, (definition, { isGlobal, controller, sdkPaths, decorators }) => {
    const paths: readonly TokenPath[] = checkedFlag('controller', controller)
      ? [PUBLISHED_PATH, ...checkedPaths(sdkPaths)]
      : [];
    const controllers = tokenControllers(paths, decorators);
    return {
      ...definition,
      global: checkedFlag('isGlobal', isGlobal),
      controllers,
      providers: [
        ...(definition.providers ?? []),
        { provide: SERVED_PATHS, useValue: paths },
        { provide: OPERATION_DESCRIPTION, useFactory: () => describeControllers(controllers) },
      ],
    };
  })
  .build();

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
