import { type ExchangeConnection, TokenExchange } from './token-exchange.js';
import { TransportFailure } from './transport-failure.js';

class Scene implements ExchangeConnection {
  reused = false;
  bytesRead = 100;
  readonly destroyedBy: string[] = [];
  readonly abortedBy: string[] = [];
  readonly exchange = new TokenExchange(8000);
  readonly controller = {
    abort: (reason: Error) => {
      this.abortedBy.push(reason.message);
    },
  };
  /** What became of it: the response, or the failure in one line. */
  readonly outcome: Promise<unknown> = this.exchange.response.catch((failure: unknown) => {
    if (!(failure instanceof TransportFailure)) throw failure;
    return `${failure.kind} ${failure.code}${failure.unseen ? ' unseen' : ''}`;
  });

  destroy(failure: TransportFailure): void {
    this.destroyedBy.push(failure.message);
  }

  start(): this {
    this.exchange.assignTo(this);
    this.exchange.onRequestStart(this.controller);
    return this;
  }

  answer(status: number, headers: Record<string, string>, ...chunks: Buffer[]): Promise<unknown> {
    this.exchange.onResponseStart(this.controller, status, headers);
    for (const chunk of chunks) this.exchange.onResponseData(this.controller, chunk);
    this.exchange.onResponseEnd();
    return this.outcome;
  }
}

describe('TokenExchange', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  it('resolves with the whole answer, whatever chunks it comes in', async () => {
    const text = Buffer.from('{"é":1}');
    const expected = { status: 400, retryAfter: '7', body: '{"é":1}' };
    const headers = { 'retry-after': '7', 'content-encoding': 'identity' };
    expect(await new Scene().start().answer(400, headers, text)).toEqual(expected);
    expect(await new Scene().start().answer(400, headers, text.subarray(0, 3), text.subarray(3))).toEqual(expected);
    expect(await new Scene().start().answer(200, {})).toEqual({ status: 200, retryAfter: undefined, body: '' });
  });

  it('ignores what comes before the answer', async () => {
    const scene = new Scene().start();
    scene.exchange.onResponseStart(scene.controller, 103, { 'retry-after': '9', 'content-encoding': 'gzip' });
    expect(await scene.answer(200, {}, Buffer.from('x'))).toEqual({ status: 200, retryAfter: undefined, body: 'x' });
  });

  it('fails for bytes that are not UTF-8, rather than replacing them', async () => {
    expect(await new Scene().start().answer(200, {}, Buffer.from([0x22, 0xc3, 0x28]))).toBe(
      'invalid_response NOT_UTF8',
    );
  });

  it('accepts 64 KiB, and closes the connection at one byte more', async () => {
    const half = Buffer.alloc(32 * 1024, 'x');
    expect(await new Scene().start().answer(200, {}, half, half)).toMatchObject({ body: 'x'.repeat(64 * 1024) });
    const scene = new Scene().start();
    expect(await scene.answer(200, {}, half, half, Buffer.from('x'))).toBe('invalid_response RESPONSE_TOO_LARGE');
    expect(scene.destroyedBy).toEqual(['invalid_response (RESPONSE_TOO_LARGE)']);
  });

  it('does not read a compressed answer', async () => {
    const scene = new Scene().start();
    scene.exchange.onResponseStart(scene.controller, 200, { 'content-encoding': 'gzip' });
    expect(await scene.outcome).toBe('invalid_response CONTENT_ENCODING');
    expect(scene.destroyedBy).toEqual(['invalid_response (CONTENT_ENCODING)']);
  });

  it('ends at its deadline, under way or still waiting for a connection', async () => {
    const underWay = new Scene().start();
    const waiting = new Scene();
    jest.advanceTimersByTime(7999);
    expect([underWay.destroyedBy, waiting.destroyedBy]).toEqual([[], []]);
    jest.advanceTimersByTime(1);
    expect(await Promise.all([underWay.outcome, waiting.outcome])).toEqual(['timeout DEADLINE', 'timeout DEADLINE']);
    waiting.start();
    expect([underWay.destroyedBy, underWay.abortedBy]).toEqual([['timeout (DEADLINE)'], []]);
    expect([waiting.destroyedBy, waiting.abortedBy]).toEqual([[], ['timeout (DEADLINE)']]);
  });

  it('does not destroy a connection that it was assigned but that has not begun', async () => {
    const scene = new Scene();
    scene.exchange.assignTo(scene);
    jest.advanceTimersByTime(8000);
    expect([await scene.outcome, scene.destroyedBy]).toEqual(['timeout DEADLINE', []]);
  });

  it('keeps the failure that came first, although closing the connection makes another', async () => {
    const scene = new Scene().start();
    scene.exchange.onResponseStart(scene.controller, 200, { 'content-encoding': 'gzip' });
    scene.exchange.onResponseError(scene.controller, Object.assign(new Error('reset'), { code: 'ECONNRESET' }));
    expect(await scene.outcome).toBe('invalid_response CONTENT_ENCODING');
  });

  it.each([
    { reused: true, read: 0, outcome: 'connection_lost ECONNRESET unseen' },
    { reused: true, read: 1, outcome: 'connection_lost ECONNRESET' },
    { reused: false, read: 0, outcome: 'connection_lost ECONNRESET' },
  ])(
    'knows whether the server can have seen a request whose connection was lost: %j',
    async ({ reused, read, outcome }) => {
      const scene = new Scene();
      scene.reused = reused;
      scene.start();
      scene.bytesRead += read;
      scene.exchange.onResponseError(scene.controller, Object.assign(new Error('reset'), { code: 'ECONNRESET' }));
      expect(await scene.outcome).toBe(outcome);
    },
  );

  it('fails without a connection, too', async () => {
    const scene = new Scene();
    scene.exchange.fail(new Error('closed'));
    expect(await scene.outcome).toBe('connection_lost UNKNOWN');
  });
});
