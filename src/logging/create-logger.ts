import { type LevelWithSilent, type Logger, pino } from 'pino';

/** Lines leave together, because each write costs as much as the rest of a line; none waits longer than a fifth of a second. */
const BATCH = { minLength: 4096, periodicFlush: 200, sync: true };

/** ISO 8601, as pino has it, but written out once a millisecond: it costs as much as the rest of a line. */
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

/** One JSON object a line on stdout, pretty on a terminal. Has to be flushed before the process ends. */
export function createLogger(level: LevelWithSilent): Logger {
  return process.stdout.isTTY
    ? pino({ level, transport: { target: 'pino-pretty' } })
    : pino({ level, base: undefined, timestamp: isoTimes() }, pino.destination(BATCH));
}
