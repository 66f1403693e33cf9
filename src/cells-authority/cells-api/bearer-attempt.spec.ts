import { setImmediate } from 'node:timers/promises';
import { AxiosHeaders, type AxiosResponse, type InternalAxiosRequestConfig } from 'axios';
import { sendBearer } from './bearer-attempt.js';

describe('A response that nobody will read', () => {
  it('is discarded, even if it broke meanwhile', async () => {
    const unhandled = jest.fn();
    process.on('unhandledRejection', unhandled);
    const data = new ReadableStream({
      start(stream) {
        stream.error(new Error('broken'));
      },
    });
    const config = (): InternalAxiosRequestConfig => ({ headers: new AxiosHeaders() });
    const answer: AxiosResponse = { data, status: 401, statusText: '', headers: {}, config: config() };
    const attempt = await sendBearer(config(), config(), () => Promise.resolve(answer), 'a-token', 'http://localhost');
    attempt.discard();
    await setImmediate();
    process.off('unhandledRejection', unhandled);
    expect(attempt.unauthorized).toBe(true);
    expect(unhandled).not.toHaveBeenCalled();
  });
});
