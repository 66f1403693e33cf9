import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { load } from 'js-yaml';
import {
  type AuthorityEvent,
  type CellsAuthorityService,
  type TokenRequestOutcome,
} from '../../src/cells-authority/index.js';
import { type GatewayOutcome } from '../../src/cells-gateway/gateway-failure.js';
import { type GatewayEvent } from '../../src/cells-gateway/gateway-observer.js';
import { ServiceMetrics } from '../../src/metrics/service-metrics.js';
import { closedPort } from '../support/closed-port.js';
import { startScriptedServer } from '../support/scripted-server.js';
import { startService } from '../support/service.js';
import { json } from '../support/upstream-scripts.js';

const RULES = join(__dirname, '..', '..', 'deploy', 'alerts.yml');
const INSTANCE = { instance: 'cells:3000', job: 'cells-authority' };
/** promtool's clock begins in 1970 and advances by this much with each sample. */
const INTERVAL_S = 15;
/** The provoked event happens between this sample and the previous one. */
const PROVOKED_AT = 40;
const SAMPLES = 160;

interface Rule {
  readonly alert: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

const { groups } = load(readFileSync(RULES, 'utf8')) as { groups: readonly { rules: readonly Rule[] }[] };
const rules = groups.flatMap(({ rules }) => rules);

/** Programs that a bare machine may lack; CI may not. */
const INSTALLED = ['promtool', 'prometheus'].every((name) => spawnSync(name, ['--version']).status === 0);
const itWithPrometheus = INSTALLED || process.env.CI === 'true' ? it : it.skip;

type Numbers = CellsAuthorityService['numbers'];

/** The metrics of a service that uses Redis and TLS, with what the library and its numbers tell. */
class Provoked {
  numbers: Numbers = {
    keptTokens: 1,
    keptBytes: 2000,
    heldCredentials: 0,
    waitingRequests: 0,
    openConnections: 1,
    sharedStore: 'available',
  };
  certificateEndsAt = 90 * 86_400_000;
  readonly #metrics = new ServiceMetrics(true, true);

  constructor() {
    this.#metrics.addAuthority(() => this.numbers);
    this.#metrics.addCertificate(() => this.certificateEndsAt);
  }

  tell(event: AuthorityEvent, times = 1): void {
    for (let i = 0; i < times; i += 1) this.#metrics.observe(event);
  }

  tellOfGateway(event: GatewayEvent): void {
    this.#metrics.observeGateway(event);
  }

  scrape(): Promise<string> {
    return this.#metrics.registry.metrics();
  }
}

const answered = (outcome: TokenRequestOutcome): AuthorityEvent => ({
  type: 'token_request',
  path: 'connect/token',
  credentialForm: 'form',
  outcome,
  status: outcome === 'token' ? 200 : 502,
  durationMs: 1,
  client: undefined,
  requestId: undefined,
});
const upstream = (outcome: 'token' | 'throttled', durationMs: number): AuthorityEvent => ({
  type: 'upstream_request',
  outcome,
  durationMs,
  status: outcome === 'token' ? 200 : 429,
  retried: false,
  client: 'f00dCAFE',
});

const throughGateway = (outcome: GatewayOutcome): GatewayEvent => ({
  type: 'request_ended',
  requestId: 'the-id',
  method: 'GET',
  api: '/v3.0/cells',
  outcome,
  status: 200,
  cut: outcome !== 'passed',
  headersMs: 5,
  wholeMs: 10,
});

type Provocation = (metrics: Provoked) => void;

/** What has to happen once for each alert. Alerts on a rate need it to go on, so it is repeated with each sample. */
const PROVOCATIONS: Readonly<Record<string, { once?: Provocation; always?: Provocation }>> = {
  CellsAuthorityCircuitOpen: {
    once: (metrics) => {
      metrics.tell({ type: 'circuit', state: 'open' });
    },
  },
  CellsAuthorityServerErrors: {
    always: (metrics) => {
      metrics.tell(answered('server_error'));
    },
  },
  CellsAuthorityGatewayErrors: {
    always: (metrics) => {
      metrics.tellOfGateway(throughGateway('idle'));
    },
  },
  CellsAuthorityUpstreamThrottles: {
    once: (metrics) => {
      metrics.tell(upstream('throttled', 20));
    },
  },
  CellsAuthorityUpstreamSlow: {
    always: (metrics) => {
      metrics.tell(upstream('token', 7000));
    },
  },
  CellsAuthorityRefreshFails: {
    once: (metrics) => {
      metrics.tell({ type: 'refresh', outcome: 'failed' }, 5);
    },
  },
  CellsAuthorityGuessing: {
    once: (metrics) => {
      const guess = { type: 'guessing_slowed', seconds: 600, client: 'f00dCAFE', network: '192.0.2.1' } as const;
      metrics.tell({ ...guess, scope: 'address' });
    },
  },
  CellsAuthorityCredentialsHeld: {
    once: (metrics) => {
      metrics.numbers = { ...metrics.numbers, heldCredentials: 1 };
    },
  },
  CellsAuthorityRedisDown: {
    once: (metrics) => {
      metrics.numbers = { ...metrics.numbers, sharedStore: 'password' };
    },
  },
  CellsAuthorityRedisOtherSecret: {
    once: (metrics) => {
      metrics.tell({ type: 'shared_store', operation: 'connection', outcome: 'other_secret' });
    },
  },
  CellsAuthorityRedisTrouble: {
    always: (metrics) => {
      metrics.tell({ type: 'shared_store', operation: 'read', outcome: 'no_answer' });
    },
  },
  CellsAuthorityEvictions: {
    once: (metrics) => {
      metrics.tell({ type: 'evicted' });
    },
  },
  CellsAuthorityCertificateEnds: {
    once: (metrics) => {
      metrics.certificateEndsAt = 86_400_000;
    },
  },
};

/** Scrapes before and after, as Prometheus would have stored them. */
async function inputSeries(name: string): Promise<{ series: string; values: string }[]> {
  const metrics = new Provoked();
  const { once: provoke, always } = PROVOCATIONS[name] ?? {};
  const values = new Map<string, string[]>();
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    if (sample === PROVOKED_AT) provoke?.(metrics);
    if (sample >= PROVOKED_AT) always?.(metrics);
    metrics.tell(answered('token'));
    metrics.tell(upstream('token', 20));
    metrics.tellOfGateway(throughGateway('passed'));
    for (const [series, value] of seriesOf(await metrics.scrape())) {
      const before = values.get(series) ?? Array<string>(sample).fill('_');
      values.set(series, [...before, value]);
    }
  }
  return [...values].map(([series, row]) => ({ series, values: row.join(' ') }));
}

function seriesOf(text: string): [string, string][] {
  const instance = Object.entries(INSTANCE).map(([name, value]) => `${name}="${value}"`);
  return [...text.matchAll(/^(cells_authority_\w+)(?:\{(.*)\})? (\S+)$/gm)].map(
    ([, name = '', labels = '', value = '']) => [
      `${name}{${[...instance, ...(labels === '' ? [] : [labels])].join(',')}}`,
      value,
    ],
  );
}

describe('Each alert', () => {
  const folder = mkdtempSync(join(tmpdir(), 'alerts-'));
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it.each(rules.map(({ alert }) => alert))('has something that provokes it: %s', (name) => {
    expect([...Object.keys(PROVOCATIONS), 'CellsAuthorityDown']).toContain(name);
  });

  itWithPrometheus.each(rules.map((rule): [string, Rule] => [rule.alert, rule]))(
    'fires when what it is about happens once, and not before: %s',
    async (name, { labels, annotations }) => {
      const down = name === 'CellsAuthorityDown';
      const up = `${'1 '.repeat(PROVOKED_AT)}${'0 '.repeat(SAMPLES - PROVOKED_AT)}`;
      const series = down
        ? [{ series: `up{job="${INSTANCE.job}",instance="${INSTANCE.instance}"}`, values: up }]
        : await inputSeries(name);
      const file = join(folder, `${name}.yml`);
      const test = (atSample: number, fires: boolean) => ({
        eval_time: `${atSample * INTERVAL_S}s`,
        alertname: name,
        exp_alerts: fires ? [{ exp_labels: firedLabels(name, labels), exp_annotations: filled(annotations) }] : [],
      });
      const firesAt = ['CellsAuthorityCredentialsHeld', 'CellsAuthorityUpstreamSlow'].includes(name) ? 110 : 70;
      writeFileSync(
        file,
        // JSON is YAML.
        JSON.stringify({
          rule_files: [RULES],
          evaluation_interval: `${INTERVAL_S}s`,
          tests: [
            {
              interval: `${INTERVAL_S}s`,
              input_series: series,
              alert_rule_test: [test(PROVOKED_AT - 1, false), test(firesAt, true)],
            },
          ],
        }),
      );

      const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', file], { encoding: 'utf8' });

      expect({ status, output: status === 0 ? '' : stdout + stderr }).toEqual({ status: 0, output: '' });
    },
  );

  function filled(annotations: Rule['annotations']): Record<string, string> {
    return Object.fromEntries(
      Object.entries(annotations).map(([key, text]) => [
        key,
        text.replace('{{ $labels.instance }}', INSTANCE.instance),
      ]),
    );
  }

  /** An alert has the labels of its series, unless the rule sums over them. */
  function firedLabels(name: string, labels: Rule['labels']): Record<string, string> {
    const byInstance = [
      'CellsAuthorityServerErrors',
      'CellsAuthorityGatewayErrors',
      'CellsAuthorityUpstreamSlow',
      'CellsAuthorityRedisTrouble',
    ];
    const { instance } = INSTANCE;
    return { ...labels, ...(byInstance.includes(name) ? { instance } : { ...INSTANCE, ...EXTRA_LABELS[name] }) };
  }
});

const EXTRA_LABELS: Readonly<Record<string, Record<string, string>>> = {
  CellsAuthorityCircuitOpen: { state: 'closed' },
  CellsAuthorityUpstreamThrottles: { outcome: 'throttled' },
  CellsAuthorityRefreshFails: { outcome: 'failed' },
  CellsAuthorityGuessing: { scope: 'address' },
  CellsAuthorityRedisDown: { state: 'available' },
  CellsAuthorityRedisOtherSecret: { operation: 'connection', outcome: 'other_secret' },
};

describe('Prometheus itself', () => {
  let prometheus: ChildProcess | undefined;
  const folder = mkdtempSync(join(tmpdir(), 'prometheus-'));
  afterAll(async () => {
    if (prometheus?.exitCode === null) {
      const exited = once(prometheus, 'exit');
      prometheus.kill('SIGKILL');
      await exited;
    }
    rmSync(folder, { recursive: true });
  });

  itWithPrometheus(
    'raises an alert at the first 429 that the authorization server ever answers',
    async () => {
      const server = await startScriptedServer(json(429, '{"error":"slow_down"}', { 'Retry-After': '600' }));
      const service = await startService({ UPSTREAM_TOKEN_URL: server.tokenUrl });
      const port = await closedPort();
      const config = {
        global: { scrape_interval: '300ms', evaluation_interval: '300ms' },
        rule_files: [RULES],
        scrape_configs: [
          { job_name: 'cells-authority', static_configs: [{ targets: [new URL(service.origin).host] }] },
        ],
      };
      writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config));
      prometheus = spawn(
        'prometheus',
        [
          `--config.file=${folder}/prometheus.yml`,
          `--storage.tsdb.path=${folder}/data`,
          `--web.listen-address=127.0.0.1:${port}`,
        ],
        { stdio: 'ignore' },
      );
      const ask = async (path: string) => {
        const response = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`).catch(() => undefined);
        return response === undefined ? '' : response.text();
      };
      const until = async (path: string, text: string) => {
        while (!(await ask(path)).includes(text)) await delay(100);
      };
      const query = encodeURIComponent('count_over_time(cells_authority_upstream_requests_total[1m]) >= 3');
      await until(`query?query=${query}`, '"outcome":"throttled"');

      const path = '/connect/token?client_id=client&client_secret=the-secret';
      expect((await fetch(service.origin + path, { method: 'POST' })).status).toBe(429);

      await until('alerts', 'CellsAuthorityUpstreamThrottles');
      await service.close();
      await server.close();
    },
    60_000,
  );
});
