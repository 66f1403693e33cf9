import {
  type ArgumentsHost,
  Catch,
  Controller,
  type ExceptionFilter,
  Get,
  Header,
  Module,
  ServiceUnavailableException,
  UseFilters,
} from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { type HealthCheckResult, HealthCheckService, HealthIndicatorService, TerminusModule } from '@nestjs/terminus';
import { type FastifyReply } from 'fastify';
import { Stopping } from '../http/stopping.module.js';
import { AuthorityCondition } from './authority-condition.js';

/** Answers a failed probe with the results of the checks instead of an OAuth error. */
@Catch(ServiceUnavailableException)
class NotReadyFilter implements ExceptionFilter<ServiceUnavailableException> {
  catch(error: ServiceUnavailableException, host: ArgumentsHost): void {
    void host
      .switchToHttp()
      .getResponse<FastifyReply>()
      .code(error.getStatus())
      .header('Cache-Control', 'no-store')
      .send(error.getResponse());
  }
}

/** Answers probes without asking any other server. */
@ApiExcludeController()
@Controller('health')
class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly condition: AuthorityCondition,
    private readonly stopping: Stopping,
  ) {}

  /** Whether the process answers at all. */
  @Get('live')
  @Header('Cache-Control', 'no-store')
  live(): Promise<HealthCheckResult> {
    return this.health.check([]);
  }

  /** Whether to send requests here. Fails only while stopping: kept tokens are served whatever is down. */
  @Get('ready')
  @Header('Cache-Control', 'no-store')
  @UseFilters(NotReadyFilter)
  ready(): Promise<HealthCheckResult> {
    return this.health.check([
      () => {
        const service = this.indicators.check('service');
        return this.stopping.begun ? service.down({ stopping: true }) : service.up();
      },
      () => {
        const { circuit } = this.condition;
        const upstream = this.indicators.check('authorization_server');
        return circuit === 'closed' ? upstream.up({ circuit }) : upstream.degraded({ circuit });
      },
      () => {
        const { redis } = this.condition;
        const store = this.indicators.check('redis');
        return redis === 'unavailable' ? store.degraded({ state: 'bypassed' }) : store.up({ state: redis });
      },
    ]);
  }
}

/** `/health/live` and `/health/ready`. */
@Module({
  // A failed probe is answered and need not be logged.
  imports: [TerminusModule.forRoot({ logger: false })],
  controllers: [HealthController],
})
export class HealthModule {}
