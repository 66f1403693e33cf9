import { type LoggerService } from '@nestjs/common';
import { type Logger } from 'pino';

/** Sends Nest's own lines the way of all others. */
export class NestLogger implements LoggerService {
  constructor(readonly logger: Logger) {}

  log(message: unknown, context?: unknown): void {
    this.logger.info(...line(message, context));
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.logger.error(...line(message, rest.at(-1)));
  }

  warn(message: unknown, context?: unknown): void {
    this.logger.warn(...line(message, context));
  }

  debug(message: unknown, context?: unknown): void {
    this.logger.debug(...line(message, context));
  }

  verbose(message: unknown, context?: unknown): void {
    this.logger.trace(...line(message, context));
  }

  fatal(message: unknown, context?: unknown): void {
    this.logger.fatal(...line(message, context));
  }
}

function line(message: unknown, context: unknown): [{ context?: string }, string] {
  return [typeof context === 'string' ? { context } : {}, String(message)];
}
