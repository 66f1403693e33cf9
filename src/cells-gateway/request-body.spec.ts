import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import {
  bodyFraming,
  type BodyFraming,
  endBeforeBody,
  expectsContinue,
  expectsUnknown,
  hasBody,
} from './request-body.js';

describe('The framing of a body', () => {
  it.each<[Record<string, string>, BodyFraming, boolean]>([
    [{}, { kind: 'none' }, false],
    [{ 'content-length': '0' }, { kind: 'length', length: 0 }, false],
    [{ 'content-length': '7' }, { kind: 'length', length: 7 }, true],
    [{ 'transfer-encoding': 'Chunked' }, { kind: 'chunked' }, true],
  ])('of %j is %j; it has one: %p', (headers, framing, has) => {
    expect(bodyFraming(headers)).toEqual(framing);
    expect(hasBody(bodyFraming(headers))).toBe(has);
  });
});

describe('What a client expects', () => {
  it.each([
    ['1.1', '100-continue', true, false],
    ['1.1', 'x, 100-Continue', true, false],
    ['1.1', '1100-continued', false, true],
    ['1.1', 'tea', false, true],
    ['1.1', undefined, false, false],
    ['1.0', '100-continue', false, false],
    ['1.0', 'tea', false, false],
  ])('HTTP/%s %s: 100-continue %p, unknown %p', (httpVersion, expect_, continues, unknown) => {
    const request = new IncomingMessage(new Socket());
    request.httpVersion = httpVersion;
    if (expect_ !== undefined) request.headers.expect = expect_;
    expect([expectsContinue(request), expectsUnknown(request)]).toEqual([continues, unknown]);
  });
});

describe('A response that is complete before the request', () => {
  let request: IncomingMessage;
  let response: ServerResponse;
  let closes: jest.SpyInstance;

  beforeEach(() => {
    jest.useFakeTimers({ now: 1_000_000, doNotFake: ['nextTick', 'setImmediate'] });
    const socket = new Socket();
    closes = jest.spyOn(socket, 'destroySoon');
    request = new IncomingMessage(socket);
    response = new ServerResponse(request);
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  const events = () => new Promise((resolve) => setImmediate(resolve));
  const outcome = () => ({ ended: response.writableEnded, closes: closes.mock.calls.length > 0 });
  /** Ends, and closes the connection, when this time has passed, and not a millisecond before. */
  function endsAfter(ms: number): void {
    jest.advanceTimersByTime(ms - 1);
    expect(outcome()).toEqual({ ended: false, closes: false });
    jest.advanceTimersByTime(1);
    expect(outcome()).toEqual({ ended: true, closes: true });
    expect(jest.getTimerCount()).toBe(0);
  }
  async function arrives(): Promise<void> {
    request.complete = true;
    request.push(null);
    await events();
  }

  it('waits for the rest of the request, and leaves the connection open', async () => {
    endBeforeBody(request, response);
    request.push('the rest');
    await events();
    expect(outcome()).toEqual({ ended: false, closes: false });
    await arrives();
    expect(outcome()).toEqual({ ended: true, closes: false });
    expect(jest.getTimerCount()).toBe(0);
  });

  it('ends at once when the rest has just come', async () => {
    request.resume();
    await arrives();
    endBeforeBody(request, response);
    expect(outcome()).toEqual({ ended: true, closes: false });
    expect(jest.getTimerCount()).toBe(0);
  });

  it('ends with its last chunk, without waiting, when it is chunked; the connection still waits', () => {
    response.chunkedEncoding = true;
    endBeforeBody(request, response);
    expect(outcome()).toEqual({ ended: true, closes: false });
    jest.advanceTimersByTime(1000);
    expect(outcome()).toEqual({ ended: true, closes: true });
  });

  it('ends, and closes the connection, when nothing comes for a second', async () => {
    endBeforeBody(request, response);
    jest.advanceTimersByTime(900);
    request.push('more');
    await events();
    endsAfter(1000);
  });

  it('ends after five seconds when the request goes on and on', async () => {
    endBeforeBody(request, response);
    for (let passedMs = 0; passedMs < 4500; passedMs += 900) {
      expect(outcome()).toEqual({ ended: false, closes: false });
      jest.advanceTimersByTime(900);
      request.push('more');
      await events();
    }
    endsAfter(500);
  });

  it('ends when the client is gone', async () => {
    endBeforeBody(request, response);
    request.destroy();
    await events();
    expect(outcome().ended).toBe(true);
    expect(jest.getTimerCount()).toBe(0);
  });
});
