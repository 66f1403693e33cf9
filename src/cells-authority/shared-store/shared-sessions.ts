import { type RedisAccess } from './redis-access.js';
import { type SharedKeys } from './shared-keys.js';
import { deleteValue } from './shared-token.js';

/** Sessions shared by all instances. Each is sealed with its token and can only be found with it. */
export class SharedSessions {
  constructor(
    private readonly access: RedisAccess,
    /** The first one protects what is written; the others are previous secrets. */
    private readonly keys: readonly [SharedKeys, ...SharedKeys[]],
  ) {}

  /** What any instance has kept for this token. */
  async find(accessToken: string): Promise<string | undefined> {
    const { access } = this;
    const places = this.keys.map((keys) => ({ keys, key: keyOf(keys, accessToken) }));
    const values = await access.ask('read', access.newPatience(), (redis) =>
      Promise.all(places.map(({ key }) => redis.get(key))),
    );
    if (values === undefined) return undefined;
    for (const [index, { keys, key }] of places.entries()) {
      const found = values[index];
      if (found === undefined) continue;
      const text = found.lifeMs > 0 ? keys.open(found.value, key, accessToken) : undefined;
      access.report('read', text === undefined ? 'tampered' : 'hit');
      if (text === undefined) deleteValue(access, key, found.value);
      else if (index > 0) this.keep(accessToken, text, found.lifeMs);
      if (text !== undefined) return text;
    }
    access.report('read', 'miss');
    return undefined;
  }

  /** Runs in the background. */
  keep(accessToken: string, text: string, lifeMs: number): void {
    const [keys] = this.keys;
    const key = keyOf(keys, accessToken);
    const value = keys.seal(text, key, accessToken);
    this.access.send('write', (redis) => redis.set(key, value, lifeMs));
  }

  /** Runs in the background. */
  forget(accessToken: string): void {
    for (const keys of this.keys) {
      this.access.send('delete', (redis) => redis.run(DELETE, [keyOf(keys, accessToken)], []));
    }
  }
}

const DELETE = `return redis.call('DEL', KEYS[1])`;

function keyOf(keys: SharedKeys, accessToken: string): string {
  return keys.key('session', [accessToken]);
}
