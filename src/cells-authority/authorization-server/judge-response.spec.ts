import { type Judgement, judgeResponse, parseRetryAfter } from './judge-response.js';

const SECRET = 'p:a s%s"\\w+o=r#d';
const TOKEN = '{"access_token":"t","token_type":"Bearer","expires_in":60}';

function judge(status: number, body = '', retryAfter?: string): Judgement {
  return judgeResponse({ status, body, retryAfter }, SECRET);
}

function errorOf(judgement: Judgement) {
  if (judgement.outcome === 'token') throw new Error('a token');
  return judgement.error;
}

describe('judgeResponse', () => {
  it('accepts a 200 with a token response', () => {
    expect(judge(200, TOKEN)).toMatchObject({ outcome: 'token', token: { accessToken: 't', lifetime: 60 } });
  });

  it.each([
    [200, '<html>', 'invalid_response', 502],
    [201, TOKEN, 'invalid_response', 502],
    [204, '', 'invalid_response', 502],
    [299, '{"error":"invalid_client"}', 'invalid_response', 502],
    [300, TOKEN, 'redirected', 502],
    [302, TOKEN, 'redirected', 502],
    [399, TOKEN, 'redirected', 502],
    [400, '', 'invalid_response', 502],
    [400, 'null', 'invalid_response', 502],
    [400, '7', 'invalid_response', 502],
    [400, '"error"', 'invalid_response', 502],
    [400, '{"message":"no"}', 'invalid_response', 502],
    [400, `{"error":"${'x'.repeat(101)}"}`, 'invalid_response', 502],
    [400, `{"error":"${'x'.repeat(100)}"}`, 'refused', 400],
    [400, '<html>', 'invalid_response', 502],
    [400, '{"error":7}', 'invalid_response', 502],
    [400, '{"error":"a\\"b"}', 'invalid_response', 502],
    [400, '{"error":"invalid_client"}', 'refused', 400],
    [403, '{"error":"unauthorized_client"}', 'refused', 403],
    [429, '', 'throttled', 429],
    [500, TOKEN, 'upstream_error', 503],
    [599, '', 'upstream_error', 503],
  ])('%d %s: %s, %d', (status, body, outcome, answered) => {
    const judgement = judge(status, body);
    expect(judgement.outcome).toBe(outcome);
    expect(errorOf(judgement).status).toBe(answered);
    expect(errorOf(judgement).description).toMatch(/^The authorization server /);
  });

  it('passes on Retry-After, or sets it itself', () => {
    expect(errorOf(judge(429, '', '7')).retryAfter).toBe(7);
    expect(errorOf(judge(429)).retryAfter).toBe(60);
    expect(errorOf(judge(503, '', '7')).retryAfter).toBe(7);
    expect(errorOf(judge(503)).retryAfter).toBe(5);
    expect(errorOf(judge(400, '{"error":"a"}', '7')).retryAfter).toBeUndefined();
  });

  it('relays an OAuth error unchanged', () => {
    const body = '{ "error":"invalid_scope", "error_description":"none" }';
    expect(errorOf(judge(400, body)).body).toBe(body);
  });

  it.each([SECRET, encodeURIComponent(SECRET), JSON.stringify(SECRET).slice(1, -1)])(
    'relays no error that repeats the secret as %s',
    (repeated) => {
      const { body, error } = errorOf(
        judge(
          400,
          `{"error":"invalid_client","error_description":"${repeated}"}`.replace(
            SECRET,
            JSON.stringify(SECRET).slice(1, -1),
          ),
        ),
      );
      expect(error).toBe('invalid_client');
      expect(body).not.toContain(repeated);
    },
  );
});

it('relays an error that merely has a quotation mark before what the secret ends with', () => {
  const body = `{"error":"invalid_client","error_description":"not \\"${SECRET.slice(-3)}"}`;
  expect(errorOf(judge(400, body)).body).toBe(body);
});

const NOW = Date.parse('2026-01-01T00:00:00Z');

describe('parseRetryAfter', () => {
  it.each([
    ['600', 600],
    [' 7 ', 7],
    ['0', 1],
    ['3601', 3600],
    ['999999999999999', 3600],
    ['Thu, 01 Jan 2026 00:02:00 GMT', 120],
    ['Thursday, 01-Jan-26 00:02:00 GMT', 120],
    ['Thu Jan  1 00:02:00 2026 GMT', 120],
    ['Thu, 01 Jan 2026 00:00:00.500 GMT', 1],
    ['Wed, 31 Dec 2025 00:00:00 GMT', 1],
    ['Fri, 01 Jan 2027 00:00:00 GMT', 3600],
  ])('reads %p as %d s', (header, seconds) => {
    expect(parseRetryAfter(header, NOW)).toBe(seconds);
  });

  it.each([
    [undefined],
    [''],
    ['soon'],
    ['-5'],
    ['1.5'],
    ['1e3'],
    ['2026-01-01'],
    ['Monday'],
    ['x Thu, 01 Jan 2026 00:02:00 GMT'],
    ['in 600'],
    ['600 s'],
    ['9'.repeat(16)],
  ])('does not read %p', (header) => {
    expect(parseRetryAfter(header, NOW)).toBeUndefined();
  });
});
