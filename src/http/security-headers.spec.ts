import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import helmet from 'helmet';
import { securityHeaders } from './security-headers.js';

function helmetDefaults(): Record<string, unknown> {
  const sent: Record<string, unknown> = {};
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  jest.spyOn(response, 'setHeader').mockImplementation((name, value) => {
    sent[name] = value;
    return response;
  });
  helmet()(response.req, response, () => undefined);
  return sent;
}

describe('securityHeaders', () => {
  it('are those of helmet, the content security policy aside', () => {
    expect({ ...securityHeaders(true), 'Content-Security-Policy': undefined }).toEqual({
      ...helmetDefaults(),
      'Content-Security-Policy': undefined,
    });
  });

  it('allow an answer to load nothing', () => {
    expect(securityHeaders(false)['Content-Security-Policy']).toBe("default-src 'none'; frame-ancestors 'none'");
  });

  it('demand HTTPS when the service is reached over HTTPS', () => {
    expect(securityHeaders(false)).not.toHaveProperty('Strict-Transport-Security');
    expect(securityHeaders(true)).toHaveProperty('Strict-Transport-Security');
  });
});
