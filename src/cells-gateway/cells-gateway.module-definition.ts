import { ConfigurableModuleBuilder } from '@nestjs/common';
import { type CellsGatewayOptions } from './cells-gateway.options.js';

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN: CELLS_GATEWAY_OPTIONS } =
  new ConfigurableModuleBuilder<CellsGatewayOptions>().setClassMethodName('forRoot').build();
