import { type IServiceMonitor, ServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1';
import { loadAll } from 'js-yaml';
import { Deployment, type IDeployment } from 'kubernetes-models/apps/v1';
import { NetworkPolicy, type INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import { PodDisruptionBudget, type IPodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { type IService, Service } from 'kubernetes-models/v1';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { ENVIRONMENT_SETTINGS, readEnvironment, SECRET_VARIABLES } from '../../src/config/environment.js';
import { codeBlocks, readMarkdown, ROOT } from '../docs/markdown.js';
import { startService } from '../support/service.js';

const FOLDER = 'deploy/kubernetes';
const LABEL = { 'app.kubernetes.io/name': 'cells-authority' };

/** The resources that a kustomization names, each in a file of its own. */
function resources(folder: string): Record<string, unknown> {
  const { resources: files } = document(`${folder}/kustomization.yaml`) as { resources: string[] };
  const all = files.map((file) => document(`${folder}/${file}`) as { kind: string });
  return Object.fromEntries(all.map((resource) => [resource.kind, resource]));
}

function document(file: string): unknown {
  const documents = loadAll(readFileSync(join(ROOT, file), 'utf8'));
  expect(documents).toHaveLength(1);
  return documents[0];
}

const base = resources(FOLDER);
const deployment = base.Deployment as IDeployment;
const service = base.Service as IService;
const budget = base.PodDisruptionBudget as IPodDisruptionBudget;
const policy = base.NetworkPolicy as INetworkPolicy;
const monitor = resources(`${FOLDER}/monitoring`).ServiceMonitor as IServiceMonitor;
const pod = deployment.spec?.template.spec;
const container = pod?.containers[0];
const variables = Object.fromEntries((container?.env ?? []).map(({ name, value }) => [name, value ?? '']));
const portNames = Object.fromEntries((container?.ports ?? []).map(({ name, containerPort }) => [name, containerPort]));

const PACKAGES: Readonly<Record<string, string>> = {
  Deployment: 'kubernetes-models/apps/v1',
  NetworkPolicy: 'kubernetes-models/networking.k8s.io/v1',
  PodDisruptionBudget: 'kubernetes-models/policy/v1',
  Service: 'kubernetes-models/v1',
  ServiceMonitor: '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1',
};

/** The schemas let fields pass that nobody knows, so a slip of the pen too; the compiler does not. */
function unknownFields(all: readonly (readonly [kind: string, resource: unknown])[]): string[] {
  const file = join(__dirname, 'kubernetes.resources.ts');
  const lines = all.flatMap(([kind, resource]) => [
    `import { type I${kind} } from '${PACKAGES[kind]}';`,
    `export const its${kind}: I${kind} = ${JSON.stringify(resource)};`,
  ]);
  const options = {
    noEmit: true,
    skipLibCheck: true,
    strict: true,
    types: [],
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (name) => name === file || fileExists(name);
  host.getSourceFile = (name, ...more) =>
    name === file ? ts.createSourceFile(name, lines.join('\n'), ts.ScriptTarget.ES2022) : getSourceFile(name, ...more);
  const program = ts.createProgram([file], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}

describe('The Kubernetes resources', () => {
  it('are what the schemas of Kubernetes and of the Prometheus operator allow, and have no other fields', () => {
    for (const model of [
      new Deployment(deployment),
      new Service(service),
      new PodDisruptionBudget(budget),
      new NetworkPolicy(policy),
      new ServiceMonitor(monitor),
    ]) {
      model.validate();
    }
    const all = [...Object.entries(base), ['ServiceMonitor', monitor] as const];

    expect(all.map(([kind]) => kind).sort()).toEqual(Object.keys(PACKAGES).sort());
    expect(unknownFields(all)).toEqual([]);
  }, 60_000);

  it.each([FOLDER, `${FOLDER}/monitoring`])('are built by kubectl: %s', (folder) => {
    const { error, status, stdout, stderr } = spawnSync('kubectl', ['kustomize', folder], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    if (error !== undefined && process.env.CI !== 'true') {
      process.stdout.write('kubectl is not installed: the kustomizations are not built\n');
      return;
    }

    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const built = loadAll(stdout) as { kind: string }[];
    expect(built.map(({ kind }) => kind).sort()).toEqual(Object.keys(resources(folder)).sort());
    if (folder === FOLDER) {
      const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
      expect(stdout).toContain(`image: cells-authority:${version}\n`);
    }
  });

  it('find each other: labels, ports and the name of the Prometheus job', () => {
    expect([
      deployment.spec?.selector.matchLabels,
      deployment.spec?.template.metadata?.labels,
      service.metadata?.labels,
      service.spec?.selector,
      policy.spec?.podSelector.matchLabels,
      budget.spec?.selector?.matchLabels,
      monitor.spec.selector.matchLabels,
    ]).toEqual(Array(7).fill(LABEL));
    expect(service.spec?.ports?.map(({ targetPort }) => targetPort)).toEqual(Object.keys(portNames));
    expect(monitor.spec.endpoints.map(({ port }) => port)).toEqual(['operations']);
    expect(policy.spec?.ingress?.map(({ ports = [] }) => ports[0]?.port)).toEqual(['http', 'operations']);
    const alerts = readFileSync(join(ROOT, 'deploy/alerts.yml'), 'utf8');
    expect(alerts).toContain(`up{job="${String(service.metadata?.name)}"}`);
  });

  it('set variables that exist to values that are allowed, and secrets as files of the mounted folder', () => {
    const files = Object.entries(variables).filter(([name]) => name.endsWith('_FILE'));
    const settings = Object.fromEntries(Object.entries(variables).filter(([name]) => !name.endsWith('_FILE')));
    const mount = container?.volumeMounts?.[0];

    expect(Object.keys(settings).filter((name) => !Object.hasOwn(ENVIRONMENT_SETTINGS, name))).toEqual([]);
    expect(files.length).toBeGreaterThan(1);
    for (const [name, file] of files) {
      expect(SECRET_VARIABLES).toContain(name.replace(/_FILE$/, ''));
      const key = file.replace(`${String(mount?.mountPath)}/`, '');
      // The command that makes the secret names the same keys.
      expect(readMarkdown('deploy/README.md')).toContain(`--from-file=${key}`);
    }
    expect(readMarkdown('deploy/README.md')).toContain(
      `secret generic ${String(pod?.volumes?.[0]?.secret?.secretName)}`,
    );
    const environment = readEnvironment({ ...settings, TOKEN_CACHE_SECRET: 'x'.repeat(32) });
    expect(environment).toMatchObject({
      PORT: portNames.http,
      METRICS_PORT: portNames.operations,
      authority: { tokenCache: 'redis' },
    });
    expect((pod?.terminationGracePeriodSeconds ?? 0) * 1000).toBeGreaterThan(environment.SHUTDOWN_GRACE_MS);
  });

  it('probe what the documentation says and the service serves', async () => {
    const probes = {
      startupProbe: container?.startupProbe,
      livenessProbe: container?.livenessProbe,
      readinessProbe: container?.readinessProbe,
    };
    const block = codeBlocks('docs/operations.md').find(({ code }) => code.includes('startupProbe'));
    const running = await startService({});
    const statuses = await Promise.all(
      Object.values(probes).map(async (probe) => (await fetch(running.origin + String(probe?.httpGet?.path))).status),
    );
    await running.close();

    expect(statuses).toEqual([200, 200, 200]);
    expect(loadAll(block?.code ?? '')).toEqual([probes]);
  });

  it('run the image as it is meant to be run: as its user, on a file system that cannot be written', () => {
    expect(pod?.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000 });
    expect(container?.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(pod?.automountServiceAccountToken).toBe(false);
    const memory = /(\d+) MiB of memory/.exec(readMarkdown('docs/operations.md'))?.[1];
    expect(container?.resources).toEqual({
      requests: { cpu: '1', memory: `${String(memory)}Mi` },
      limits: { memory: `${String(memory)}Mi` },
    });
  });
});
