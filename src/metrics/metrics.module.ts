import { Module } from '@nestjs/common';
import { MetricsController } from './metrics.controller.js';

/** `/metrics`. */
@Module({ controllers: [MetricsController] })
export class MetricsModule {}
