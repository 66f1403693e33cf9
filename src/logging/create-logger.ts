import { type LevelWithSilent, type Logger, pino } from 'pino';
import { LineBatches } from './line-batches.js';

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
  if (process.stdout.isTTY) return pino({ level, transport: { target: 'pino-pretty' } });
  const stdout = new LineBatches(pino.destination({ sync: true }));
  return pino({ level, base: undefined, timestamp: isoTimes() }, stdout);
}
