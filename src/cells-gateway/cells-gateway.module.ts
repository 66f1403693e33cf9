import { Module } from '@nestjs/common';
import { CellsGateway } from './cells-gateway.js';
import { ConfigurableModuleClass } from './cells-gateway.options.js';

/** The gateway to the Cells API. */
@Module({ providers: [CellsGateway], exports: [CellsGateway] })
export class CellsGatewayModule extends ConfigurableModuleClass {}
