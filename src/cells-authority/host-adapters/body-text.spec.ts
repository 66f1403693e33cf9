import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { readBodyText } from './body-text.js';

describe('readBodyText', () => {
  let request: IncomingMessage;
  const onText = jest.fn();
  const onRefused = jest.fn();

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['nextTick'] });
    jest.resetAllMocks();
    jest.spyOn(globalThis, 'setTimeout');
    request = new IncomingMessage(new Socket());
    readBodyText(request).then(onText, onRefused);
  });

  afterEach(() => {
    request.destroy();
    jest.useRealTimers();
  });

  /** Streams emit data in later ticks. */
  async function streamed(): Promise<void> {
    for (let ticks = 0; ticks < 4; ticks += 1) await new Promise(process.nextTick);
  }

  it('joins a body that arrives in pieces, even if a character is split', async () => {
    const bytes = Buffer.from('schlüssel');
    request.push(bytes.subarray(0, 5));
    request.push(bytes.subarray(5));
    request.push(null);
    await streamed();

    expect(onText.mock.calls).toEqual([['schlüssel']]);
    jest.advanceTimersByTime(20_000);
    expect(onRefused).not.toHaveBeenCalled();
    expect(jest.getTimerCount()).toBe(0);
  });

  it('accepts 16 KiB and refuses one byte more', async () => {
    request.push(Buffer.alloc(16 * 1024));
    await streamed();
    expect(onRefused).not.toHaveBeenCalled();

    request.push(Buffer.alloc(1));
    request.push(Buffer.alloc(1));
    await streamed();

    expect(onRefused).toHaveBeenCalledTimes(1);
    expect(onRefused.mock.calls[0]).toEqual([
      expect.objectContaining({ status: 413, error: 'invalid_request', headers: { Connection: 'close' } }),
    ]);
    expect(onText).not.toHaveBeenCalled();
    jest.advanceTimersByTime(20_000);
    expect(onRefused).toHaveBeenCalledTimes(1);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('needs no timer for a body that has been received', async () => {
    request.push('all of it');
    request.push(null);
    request.complete = true;
    await streamed();

    expect(setTimeout).not.toHaveBeenCalled();
    expect(onText.mock.calls).toEqual([['all of it']]);
  });

  it('waits 10 seconds for a body that does not end', async () => {
    await streamed();
    jest.advanceTimersByTime(9_999);
    await streamed();
    expect(onRefused).not.toHaveBeenCalled();

    jest.advanceTimersByTime(1);
    await streamed();

    expect(onRefused.mock.calls).toEqual([[expect.objectContaining({ status: 408, error: 'invalid_request' })]]);
  });

  it('never settles when the client disconnects', async () => {
    request.destroy();
    await streamed();

    expect(jest.getTimerCount()).toBe(0);
    expect(request.listenerCount('data')).toBe(0);
    expect(onText).not.toHaveBeenCalled();
    expect(onRefused).not.toHaveBeenCalled();
  });
});
