import { Controller, Get, Header, Module } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { Registry } from 'prom-client';
import { ServiceMetrics } from './service-metrics.js';

/** What Prometheus scrapes. */
@ApiExcludeController()
@Controller('metrics')
class MetricsController {
  constructor(private readonly metrics: ServiceMetrics) {
    metrics.addProcessMetrics();
  }

  @Get()
  @Header('Content-Type', Registry.PROMETHEUS_CONTENT_TYPE)
  @Header('Cache-Control', 'no-store')
  scrape(): Promise<string> {
    return this.metrics.registry.metrics();
  }
}

/** `/metrics`. */
@Module({ controllers: [MetricsController] })
export class MetricsModule {}
