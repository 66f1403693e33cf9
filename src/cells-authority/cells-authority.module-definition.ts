import { ConfigurableModuleBuilder } from '@nestjs/common';
import { CellsAuthorityController } from './cells-authority.controller.js';
import { type CellsAuthorityOptions } from './cells-authority.options.js';
import { SERVES_HTTP } from './injection-tokens.js';
import { OtherMethodsController } from './other-methods.controller.js';

/** What is given beside the options, for Nest needs to know it before it makes them. */
export interface CellsAuthorityExtras {
  /** Whether the whole application can inject what the module exports, without importing it again. Default false. */
  isGlobal?: boolean;
  /** Whether the module serves the HTTP operation, or is there for its services alone. Default true. */
  controller?: boolean;
}

const EXTRAS: Required<CellsAuthorityExtras> = { isGlobal: false, controller: true };

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } = new ConfigurableModuleBuilder<CellsAuthorityOptions>({
  moduleName: 'CellsAuthority',
})
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createCellsAuthorityOptions')
  .setExtras(EXTRAS, (definition, { isGlobal, controller }) => ({
    ...definition,
    global: checkedFlag('isGlobal', isGlobal),
    controllers: checkedFlag('controller', controller) ? [CellsAuthorityController, OtherMethodsController] : [],
    providers: [...(definition.providers ?? []), { provide: SERVES_HTTP, useValue: controller }],
  }))
  .build();

function checkedFlag(name: keyof CellsAuthorityExtras, value: unknown): boolean {
  if (typeof value !== 'boolean') throw new Error(`CellsAuthorityModule: ${name} must be true or false`);
  return value;
}
