import { type LevelWithSilent, type Logger, pino } from 'pino';

/** One JSON object a line on stdout, pretty on a terminal. */
export function createLogger(level: LevelWithSilent): Logger {
  return process.stdout.isTTY
    ? pino({ level, transport: { target: 'pino-pretty' } })
    : pino({ level, base: undefined, timestamp: pino.stdTimeFunctions.isoTime });
}
