import { type ArgumentsHost, Catch, type ExceptionFilter, ServiceUnavailableException } from '@nestjs/common';
import { type FastifyReply } from 'fastify';

/** Answers a probe with what the checks say, and not with an OAuth error. */
@Catch(ServiceUnavailableException)
export class NotReadyFilter implements ExceptionFilter<ServiceUnavailableException> {
  catch(error: ServiceUnavailableException, host: ArgumentsHost): void {
    void host
      .switchToHttp()
      .getResponse<FastifyReply>()
      .code(error.getStatus())
      .header('Cache-Control', 'no-store')
      .send(error.getResponse());
  }
}
