import { type LoggerService } from '@nestjs/common';
import { trace } from '@opentelemetry/api';
import { type LevelWithSilent, type Logger, pino } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { LogOutput, standardOutput } from './log-output.js';

/** ISO 8601 as in pino, but formatted only once per millisecond, because that costs as much as the rest of a line. */
function isoTimes(): () => string {
  let now = 0;
  let text = '';
  return () => {
    if (now !== Date.now()) {
      now = Date.now();
      text = `,"time":"${new Date(now).toISOString()}"`;
    }
    return text;
  };
}

/** The trace that a line belongs to, where there is an OpenTelemetry SDK. */
function traceOfRequest(): { readonly traceId?: string; readonly spanId?: string } {
  const span = trace.getActiveSpan()?.spanContext();
  return span === undefined ? {} : { traceId: span.traceId, spanId: span.spanId };
}

/** The service's logger, also used for Nest's own lines. */
export class NestLogger implements LoggerService {
  constructor(
    readonly logger: Logger,
    private readonly output?: LogOutput,
  ) {}

  /** Writes one JSON object per line to standard output, or pretty lines to a terminal. Call `end()` before exiting. */
  static toStandardOutput(level: LevelWithSilent): NestLogger {
    const output = new LogOutput(standardOutput());
    const pretty = process.stdout.isTTY ? prettyFactory({ colorize: true }) : undefined;
    const prettied = (line: string) => {
      output.write(pretty?.(line) ?? line);
    };
    const logger = pino(
      { level, base: undefined, timestamp: isoTimes(), mixin: traceOfRequest },
      pretty === undefined ? output : { write: prettied },
    );
    output.onRecovery((lines) => {
      logger.warn({ event: 'log_lines_dropped', lines }, 'Log lines were dropped: they could not be written');
    });
    return new NestLogger(logger, output);
  }

  /** How many lines were dropped because they could not be written. */
  get droppedLines(): number {
    return this.output?.dropped ?? 0;
  }

  /** Begins to write waiting lines. */
  flush(): void {
    this.output?.flush();
  }

  /** Resolves when the last lines are written or cannot be written. */
  async end(): Promise<void> {
    await this.output?.end();
  }

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
