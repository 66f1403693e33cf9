import { readFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type OpenAPIObject } from '@nestjs/swagger';
import { type RunningService, startService } from '../support/service.js';

const OPERATION = '/v4.0/cells/connect/token';

describe('the OpenAPI document', () => {
  let service: RunningService;
  let document: OpenAPIObject;

  beforeAll(async () => {
    service = await startService({});
    document = (await (await fetch(`${service.origin}/cells/openapi.json`)).json()) as OpenAPIObject;
  });

  afterAll(() => service.close());

  const operation = () => {
    const found = document.paths[OPERATION]?.post;
    if (found === undefined) throw new Error('the operation is missing');
    return found;
  };

  it('describes the published operation and nothing else', () => {
    expect(Object.keys(document.paths)).toEqual([OPERATION]);
    expect(Object.keys(document.paths[OPERATION] ?? {})).toEqual(['post']);
    expect(operation().operationId).toBe('PostAccessToken');
    expect(operation().tags).toEqual(['CellsAuthorityController']);
    expect(document.openapi).toMatch(/^3\./);
  });

  it('has both published query parameters, neither required, the secret as a password', () => {
    expect(operation().parameters).toEqual([
      expect.objectContaining({ name: 'client_id', in: 'query', required: false }),
      expect.objectContaining({
        name: 'client_secret',
        in: 'query',
        required: false,
        schema: { type: 'string', format: 'password', maxLength: 512 },
      }),
    ]);
  });

  it('offers the form body first, with a password field, and no body member that HTTP Basic replaces is required', () => {
    const body = operation().requestBody;
    if (body === undefined || '$ref' in body) throw new Error('the request body is missing');
    expect(Object.keys(body.content)).toEqual(['application/x-www-form-urlencoded', 'application/json']);
    expect(body.required).not.toBe(true);
    const schema = document.components?.schemas?.PostAccessTokenRequest;
    expect(schema).toMatchObject({
      properties: {
        grant_type: { enum: ['client_credentials'] },
        client_id: { example: '' },
        client_secret: { format: 'password', example: '' },
        scope: { example: '' },
      },
    });
    expect(schema).not.toHaveProperty('required');
  });

  it('has HTTP Basic as its security scheme', () => {
    expect(document.components?.securitySchemes).toMatchObject({
      clientCredentials: { type: 'http', scheme: 'basic' },
    });
    expect(operation().security).toEqual([{ clientCredentials: [] }, {}]);
  });

  it('gives every answer a description, a schema and an example', () => {
    const answers = Object.entries(operation().responses);
    // Another method than POST is not this operation.
    const onPage = readFileSync('docs/post-access-token.md', 'utf8').matchAll(/^\| ([\d, ]+) \| `/gm);
    const documented = new Set([...onPage].flatMap(([, statuses = '']) => statuses.split(', ')));
    documented.delete('405');
    expect(answers.map(([status]) => status)).toEqual(['200', ...documented]);
    expect(answers).toHaveLength(12);
    for (const [status, answer] of answers) {
      expect({ status, answer }).toEqual({
        status,
        answer: expect.objectContaining({
          description: expect.stringMatching(/\.$/),
          content: {
            'application/json': {
              schema: {
                $ref: `#/components/schemas/${status === '200' ? 'PostAccessTokenResponse' : 'PostAccessTokenError'}`,
              },
              example: expect.objectContaining(
                status === '200' ? { access_token: expect.any(String) } : { error: expect.any(String) },
              ),
            },
          },
        }),
      });
    }
  });

  it('is served as YAML, too', async () => {
    const response = await fetch(`${service.origin}/cells/openapi.yaml`);
    expect(response.headers.get('content-type')).toMatch(/^text\/yaml/);
    expect(await response.text()).toContain('operationId: PostAccessToken');
  });

  it('is the one that is kept', () => {
    expect(document).toMatchSnapshot();
  });

  it('passes the linter', () => {
    const folder = mkdtempSync(join(tmpdir(), 'openapi-'));
    const file = join(folder, 'openapi.json');
    writeFileSync(file, JSON.stringify(document));
    try {
      const redocly = resolve('node_modules/@redocly/cli/bin/cli.js');
      const output = execFileSync(
        process.execPath,
        [redocly, 'lint', file, '--config', resolve('redocly.yaml'), '--format', 'json'],
        {
          encoding: 'utf8',
          env: { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' },
          stdio: ['ignore', 'pipe', 'pipe'],
        },
      );
      const { totals } = JSON.parse(output) as { totals: { errors: number; warnings: number } };
      expect(totals).toMatchObject({ errors: 0, warnings: 0 });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('with DOCS=off', () => {
  it('there is neither page nor document', async () => {
    const service = await startService({ DOCS: 'off' });
    try {
      for (const path of ['/cells', '/cells/', '/cells/openapi.json', '/cells/swagger-ui-bundle.js']) {
        expect((await fetch(service.origin + path)).status).toBe(404);
      }
    } finally {
      await service.close();
    }
  });
});
