import { OAuthError } from '../errors/oauth-error.js';
import { tooManyRequests } from '../errors/oauth-errors.js';
import { FailureRecords } from './failure-records.js';

const ANSWER = tooManyRequests('slow down', 1);

class Scene {
  now = 1_000_000;
  readonly records = new FailureRecords(() => this.now, 10);
}

describe('FailureRecords', () => {
  it('counts a refusal for exactly 600 s', () => {
    const scene = new Scene();
    scene.records.addRefusal('pair');
    scene.now += 599_999;
    expect(scene.records.refusals('pair')).toBe(1);
    scene.now += 1;
    expect(scene.records.refusals('pair')).toBe(0);
  });

  it('holds a key with 4 refusals until the first of them lapses', () => {
    const scene = new Scene();
    for (let i = 0; i < 4; i += 1) {
      expect(scene.records.heldUntil('pair')).toBe(-Infinity);
      scene.records.addRefusal('pair');
      scene.now += 1000;
    }
    expect(scene.records.heldUntil('pair')).toBe(1_600_000);
    expect(scene.records.countUntil('pair', 3)).toBe(1_601_000);
  });

  it('keeps the longer of two holds', () => {
    const { records } = new Scene();
    records.setHold('pair', 1_060_000, ANSWER);
    records.setHold('pair', 1_005_000, tooManyRequests('another', 1));
    expect(records.heldUntil('pair')).toBe(1_060_000);
    expect(records.answer('pair', 7)).toMatchObject({ description: 'slow down', retryAfter: 7 });
    records.setHold('pair', 1_061_000, tooManyRequests('another', 1));
    expect(records.answer('pair', 7)?.description).toBe('another');
  });

  it('counts what is held', () => {
    const scene = new Scene();
    scene.records.setHold('one', 1_001_000, ANSWER);
    scene.records.setHold('other', 1_002_000, ANSWER);
    scene.records.addRefusal('refused once');
    expect(scene.records.held).toBe(2);
    scene.now = 1_001_000;
    expect(scene.records.held).toBe(1);
  });

  it('forgets', () => {
    const { records } = new Scene();
    records.setHold('pair', 1_001_000, ANSWER);
    records.forget('pair');
    expect([records.heldUntil('pair'), records.answer('pair', 1)]).toEqual([-Infinity, undefined]);
  });

  it('is bounded in entries; the least recently used go first', () => {
    const { records } = new Scene();
    for (let i = 0; i < 12; i += 1) {
      records.setHold(`pair ${i}`, 1_001_000, ANSWER);
      expect(records.heldUntil('pair 0')).toBe(1_001_000);
    }
    expect(records.held).toBe(10);
    expect(records.heldUntil('pair 1')).toBe(-Infinity);
  });

  it('repeats a body of 2,048 characters, and of a longer one only the error code', () => {
    const { records } = new Scene();
    const answerOf = (length: number) => {
      const relayedBody = 'x'.repeat(length);
      return new OAuthError({ error: 'invalid_client', status: 400, description: 'refused', relayedBody });
    };
    records.setHold('pair', 1_001_000, answerOf(2048));
    expect(records.answer('pair', 1)?.body).toBe('x'.repeat(2048));
    records.setHold('pair', 1_002_000, answerOf(2049));
    expect(records.answer('pair', 1)?.body).toContain('"error":"invalid_client"');
  });

  it('keeps no more than 8 MiB of bodies: the answers of the first are composed from their codes', () => {
    const records = new FailureRecords(() => 1_000_000);
    const relayedBody = 'x'.repeat(2048);
    const answer = new OAuthError({ error: 'invalid_client', status: 400, description: 'refused', relayedBody });
    // Two bytes a character, and 256 beside them.
    const fit = Math.floor((8 * 1024 * 1024) / (2 * 2048 + 256));
    for (let i = 0; i <= fit; i += 1) records.setHold(`pair ${i}`, 1_001_000, answer);
    const bodies = ['pair 0', 'pair 1', `pair ${fit}`].map((key) => records.answer(key, 1)?.body === relayedBody);
    expect(bodies).toEqual([false, true, true]);
  });
});
