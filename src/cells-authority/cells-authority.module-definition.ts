import { ConfigurableModuleBuilder } from '@nestjs/common';
import { CellsAuthorityController } from './cells-authority.controller.js';
import { type CellsAuthorityOptions } from './cells-authority.options.js';
import { SERVES_HTTP } from './injection-tokens.js';
import { OtherMethodsController } from './other-methods.controller.js';

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<CellsAuthorityOptions>({ moduleName: 'CellsAuthority' })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createCellsAuthorityOptions')
    .setExtras({ isGlobal: false, controller: true }, (definition, { isGlobal, controller }) => ({
      ...definition,
      global: isGlobal,
      controllers: controller ? [CellsAuthorityController, OtherMethodsController] : [],
      providers: [...(definition.providers ?? []), { provide: SERVES_HTTP, useValue: controller }],
    }))
    .build();
