import { setImmediate } from 'node:timers/promises';
import { AxiosHeaders, type AxiosResponse, HttpStatusCode, type InternalAxiosRequestConfig } from 'axios';
import { sendBearer } from './bearer-attempt.js';

const config = (): InternalAxiosRequestConfig => ({ headers: new AxiosHeaders() });

describe('A redirect', () => {
  it.each([
    ['http://localhost/there', 'Bearer a-token'],
    ['http://sub.localhost/there', undefined],
    ['https://localhost/there', undefined],
  ])('to %s has the Authorization %s', async (href, authorization) => {
    const next = { href, headers: { Authorization: 'Bearer a-token', Accept: '*/*' } };
    const adapter = ({ beforeRedirect }: InternalAxiosRequestConfig): Promise<AxiosResponse> => {
      beforeRedirect?.(
        next,
        { headers: {}, statusCode: HttpStatusCode.Found },
        { headers: {}, url: 'http://localhost/', method: 'GET' },
      );
      return Promise.resolve({ data: '', status: 200, statusText: '', headers: {}, config: config() });
    };
    await sendBearer(config(), config(), adapter, 'a-token', 'http://localhost');
    expect(next.headers).toEqual({ Accept: '*/*', ...(authorization && { Authorization: authorization }) });
  });
});

describe('A response that nobody will read', () => {
  it('is discarded, even if it broke meanwhile', async () => {
    const unhandled = jest.fn();
    process.on('unhandledRejection', unhandled);
    const data = new ReadableStream({
      start(stream) {
        stream.error(new Error('broken'));
      },
    });
    const answer: AxiosResponse = { data, status: 401, statusText: '', headers: {}, config: config() };
    const attempt = await sendBearer(config(), config(), () => Promise.resolve(answer), 'a-token', 'http://localhost');
    attempt.discard();
    await setImmediate();
    process.off('unhandledRejection', unhandled);
    expect(attempt.unauthorized).toBe(true);
    expect(unhandled).not.toHaveBeenCalled();
  });
});
