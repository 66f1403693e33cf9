import { type Logger } from 'pino';
import { type AuthorityEvent, type AuthorityObserver } from '../cells-authority/index.js';
import { RepeatedLines } from './repeated-lines.js';

type TokenRequestEvent = Extract<AuthorityEvent, { type: 'token_request' }>;
type StoreEvent = Extract<AuthorityEvent, { type: 'shared_store' }>;

/** Redis problems occur by the thousand, so each kind gets one line a minute, with the number of lines left out. */
const REPEAT_MS = 60_000;

/** Writes the library's events as log lines: `event` is for programs, the message for people. */
export function authorityLog(logger: Logger, now: () => number = () => performance.now()): AuthorityObserver {
  const logStore = storeLog(logger, now);
  const refusals = new RepeatedLines(logger, now);
  // Counted separately, so that nobody can hide failures by causing many refusals.
  const failures = new RepeatedLines(logger, now);
  // Checked once, because the level does not change and this is needed for every reused token.
  const logsTokens = logger.isLevelEnabled('debug');
  return (event) => {
    switch (event.type) {
      case 'token_served':
        if (logsTokens) logger.debug({ event: 'token_served', source: event.source }, 'Token handed out');
        break;
      case 'upstream_request': {
        const { outcome, status, retried, client } = event;
        const fields = {
          event: event.type,
          durationMs: Math.round(event.durationMs),
          outcome,
          status,
          retried,
          client,
        };
        if (outcome === 'token') logger.info(fields, 'The authorization server issued a token');
        else logger.warn(fields, 'The authorization server issued no token');
        break;
      }
      case 'token_request':
        if (event.outcome === 'token') break;
        (event.status < 500 ? refusals : failures).write('request_refused', event.client, () => {
          writeRefusal(logger, event);
        });
        break;
      case 'answered_from_hold':
      case 'guessing_slowed':
        refusals.write(event.type, event.client, () => {
          writeRareEvent(logger, event);
        });
        break;
      case 'not_forwarded':
        failures.write(event.type, undefined, () => {
          writeRareEvent(logger, event);
        });
        break;
      case 'shared_store':
        logStore(event);
        break;
      case 'shared_store_answer':
        break;
      default:
        writeRareEvent(logger, event);
    }
  };
}

function writeRefusal(logger: Logger, event: TokenRequestEvent): void {
  const { path, status, durationMs } = event;
  logger[status >= 500 ? 'warn' : 'info'](
    {
      event: 'request_refused',
      requestId: event.requestId,
      path: `/${path}`,
      credentialForm: event.credentialForm,
      outcome: event.outcome,
      status,
      durationMs: Math.round(durationMs),
      client: event.client,
    },
    'A request got no token',
  );
}

type RareEvent = Exclude<
  AuthorityEvent,
  { type: 'token_request' | 'token_served' | 'upstream_request' | 'shared_store' | 'shared_store_answer' }
>;

function writeRareEvent(logger: Logger, { type: event, ...fields }: RareEvent): void {
  const line = { event, ...fields };
  switch (event) {
    case 'refresh':
      if ('outcome' in fields && fields.outcome === 'failed') logger.warn(line, 'A token could not be renewed ahead');
      else logger.debug(line, 'A token was renewed ahead of its expiry');
      break;
    case 'held':
      logger.warn(line, 'Credentials are held: requests with them are answered from memory');
      break;
    case 'answered_from_hold':
      logger.info(line, 'Client refused: its credentials are held');
      break;
    case 'guessing_slowed':
      logger.warn(line, 'Client refused: too many failures before');
      break;
    case 'not_forwarded':
      logger.warn(line, 'Client refused: the authorization server is spared');
      break;
    case 'circuit':
      logger.warn(line, 'The circuit to the authorization server changed');
      break;
    case 'evicted':
      logger.debug(line, 'A kept token was dropped for lack of room');
      break;
  }
}

function storeLog(logger: Logger, now: () => number): (event: StoreEvent) => void {
  const told = new Map<string, { at: number; omitted: number }>();
  return ({ type: event, operation, outcome, reason }) => {
    const fields = { event, operation, outcome, reason };
    switch (outcome) {
      case 'available':
        logger.info(fields, 'Redis is used');
        return;
      case 'unavailable':
        logger.warn(fields, 'Redis is bypassed: tokens are kept in memory only');
        return;
      case 'other_secret':
        logger.warn(
          fields,
          'Other instances use this Redis with another TOKEN_CACHE_SECRET: nothing is shared with them',
        );
        return;
      default:
    }
    if (outcome !== 'no_answer' && outcome !== 'refused' && outcome !== 'tampered') return;
    const last = told.get(outcome);
    if (last !== undefined && now() - last.at < REPEAT_MS) {
      last.omitted += 1;
      return;
    }
    logger.warn({ ...fields, omitted: last?.omitted ?? 0 }, 'Redis trouble');
    told.set(outcome, { at: now(), omitted: 0 });
  };
}
