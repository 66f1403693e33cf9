import { type ArgumentsHost, Catch, type ExceptionFilter, Logger } from '@nestjs/common';
import { type FastifyReply } from 'fastify';
import { composeErrorResponse, TOKEN_REPLY_HEADERS } from '../cells-authority/internal.js';

const DESCRIPTIONS: Readonly<Record<number, string>> = {
  400: 'The request is malformed',
  404: 'There is nothing at this address',
  413: 'The body is larger than 16 KiB',
  415: 'This kind of body is not supported',
};

/** Answers errors that nothing else has handled. Repeats nothing of the request, because URLs may contain secrets. */
@Catch()
export class UnhandledErrorFilter implements ExceptionFilter {
  readonly #logger = new Logger(UnhandledErrorFilter.name);

  catch(error: unknown, host: ArgumentsHost): void {
    const status = statusOf(error);
    if (status >= 500)
      this.#logger.error(`Unhandled ${error instanceof Error ? `${error.name}\n${stackOf(error)}` : typeof error}`);
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const body = composeErrorResponse(
      status < 500 ? 'invalid_request' : 'server_error',
      DESCRIPTIONS[status] ?? (status < 500 ? 'The request is not acceptable' : 'Something went wrong here'),
    );
    void reply.code(status).headers(TOKEN_REPLY_HEADERS).send(Buffer.from(body));
  }
}

/** Nest's HTTP exceptions and Fastify's errors keep the status in different places. */
function statusOf(error: unknown): number {
  if (typeof error !== 'object' || error === null) return 500;
  const status = 'statusCode' in error ? error.statusCode : 'status' in error ? error.status : undefined;
  return typeof status === 'number' && status >= 400 && status < 600 ? status : 500;
}

/** Only the stack frames, because the message may quote input. */
function stackOf(error: Error): string {
  return (error.stack ?? '')
    .split('\n')
    .filter((line) => line.startsWith('    at '))
    .join('\n');
}
