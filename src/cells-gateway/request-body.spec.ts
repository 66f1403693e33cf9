import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { bodyFraming, type BodyFraming, expectsContinue, expectsUnknown, hasBody } from './request-body.js';

describe('The framing of a body', () => {
  it.each<[Record<string, string>, BodyFraming, boolean]>([
    [{}, { kind: 'none' }, false],
    [{ 'content-length': '0' }, { kind: 'length', length: 0 }, false],
    [{ 'content-length': '7' }, { kind: 'length', length: 7 }, true],
    [{ 'transfer-encoding': 'Chunked' }, { kind: 'chunked' }, true],
    [{ 'transfer-encoding': 'gzip, chunked' }, { kind: 'unknown' }, true],
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
