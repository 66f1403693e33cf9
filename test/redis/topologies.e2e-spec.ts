import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { REDIS_PATIENCE_MS } from '../../src/cells-authority/shared-store/redis-access.js';
import { AsposeLimits } from '../support/aspose-limits.js';
import { closedPort } from '../support/closed-port.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { Instance, until } from './instances.js';

const run = promisify(execFile);
const SECRET = 'c1f0a9d4e2b34f7795a6c1f0a9d4e2b3';
const CLIENTS = Array.from({ length: 50 }, (_, i): [string, string] => [`client-${i}`, SECRET]);
/** A failover takes seconds, and longer on a busy machine. */
const PATIENCE_MS = 60_000;

jest.setTimeout(4 * PATIENCE_MS);

const address = ({ port }: RedisServer) => `127.0.0.1:${port}`;

/** Waits for a line in `INFO` or `CLUSTER INFO`. */
function reports(redis: RedisServer, command: string[], line: string): Promise<void> {
  const [name = '', ...values] = command;
  return until(
    () =>
      redis.command(name, ...values).then(
        (text) => String(text).split('\r\n').includes(line),
        () => false,
      ),
    PATIENCE_MS,
  );
}

describeWithRedis('Redis on several machines', () => {
  let upstream: AsposeLimits;
  let servers: RedisServer[];
  let instances: Instance[];
  let end: (() => void)[];

  beforeEach(async () => {
    upstream = await AsposeLimits.start({ clients: CLIENTS, record: false });
    servers = [];
    instances = [];
    end = [];
  });

  afterEach(async () => {
    await Promise.all(instances.map((instance) => instance.close()));
    await upstream.close();
    for (const each of end) each();
    await Promise.all(servers.map((server) => server.kill()));
  });

  async function startServer(...settings: string[][]): Promise<RedisServer> {
    const server = await RedisServer.start({ settings });
    servers.push(server);
    return server;
  }

  async function startInstances(redisUrl: string): Promise<[Instance, Instance]> {
    const start = async () => {
      const instance = await Instance.start({ upstreamTokenUrl: upstream.tokenUrl, redisUrl }, REDIS_PATIENCE_MS);
      instances.push(instance);
      await until(() => instance.store.available, PATIENCE_MS);
      return instance;
    };
    return [await start(), await start()];
  }

  let scopes = 0;

  /** Whether one instance finds what the other one fetched. */
  async function share([one, two]: [Instance, Instance]): Promise<boolean> {
    const scope = `shared-${(scopes += 1)}`;
    const { serial } = await one.ask('client-0', SECRET, { scope });
    await delay(20);
    return (await two.ask('client-0', SECRET, { scope })).serial === serial;
  }

  /** Statuses other than 200 that clients of both instances got meanwhile, each with its own cache key. */
  async function failuresDuring(work: () => Promise<void>, both: [Instance, Instance]): Promise<number[]> {
    const failures: number[] = [];
    let asked = 0;
    const done = new AbortController();
    const client = async (nth: number) => {
      for (let i = 0; !done.signal.aborted; i += 1) {
        const scope = `load-${nth}-${i}`;
        for (const instance of both) {
          const { status } = await instance.ask(`client-${nth}`, SECRET, { scope });
          asked += 1;
          if (status !== 200) failures.push(status);
        }
        await delay(10);
      }
    };
    const load = Promise.all(CLIENTS.slice(0, 10).map((_, nth) => client(nth)));
    await work();
    done.abort();
    await load;
    expect(asked).toBeGreaterThan(100);
    return failures;
  }

  async function startSentinel(master: RedisServer): Promise<number> {
    const port = await closedPort();
    const folder = mkdtempSync(join(tmpdir(), 'sentinel-'));
    const file = join(folder, 'sentinel.conf');
    writeFileSync(
      file,
      `port ${port}\nbind 127.0.0.1\ndir ${folder}\nsentinel monitor main 127.0.0.1 ${master.port} 2\n` +
        'sentinel down-after-milliseconds main 1000\nsentinel failover-timeout main 5000\n',
    );
    const sentinel: ChildProcess = spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore' });
    const exited = once(sentinel, 'exit');
    end.push(() => {
      sentinel.kill('SIGKILL');
      void exited.then(() => {
        rmSync(folder, { recursive: true, force: true });
      });
    });
    return port;
  }

  it('Sentinel: the master dies under load, no client sees it, and the new master is used', async () => {
    const master = await startServer();
    const replica = await startServer(['replicaof', `127.0.0.1 ${master.port}`]);
    await reports(replica, ['INFO', 'replication'], 'master_link_status:up');
    const ports = await Promise.all([startSentinel(master), startSentinel(master), startSentinel(master)]);
    for (const port of ports) {
      const known = () => run('redis-cli', ['-p', String(port), 'sentinel', 'master', 'main']);
      await until(async () => {
        const { stdout } = await known().catch(() => ({ stdout: '' }));
        return stdout.includes('num-other-sentinels\n2') && stdout.includes('num-slaves\n1');
      }, PATIENCE_MS);
    }
    const both = await startInstances(`redis://${ports.map((port) => `127.0.0.1:${port}`).join()}?sentinel=main`);
    await until(() => share(both), PATIENCE_MS);

    const failures = await failuresDuring(async () => {
      await master.kill();
      await reports(replica, ['INFO', 'replication'], 'role:master');
      await until(() => both.every(({ store }) => store.available), PATIENCE_MS);
    }, both);

    expect(failures).toEqual([]);
    await until(() => share(both), PATIENCE_MS);
  });

  it('Cluster: a master dies and slots move under load, no client sees it, and all of it is used again', async () => {
    const nodes = await Promise.all(
      Array.from({ length: 6 }, async () =>
        startServer(
          ['cluster-enabled', 'yes'],
          ['cluster-node-timeout', '1000'],
          ['cluster-port', String(await closedPort())],
        ),
      ),
    );
    const cli = (...words: string[]) => run('redis-cli', words);
    await cli('--cluster', 'create', ...nodes.map(address), '--cluster-replicas', '1', '--cluster-yes');
    for (const node of nodes) await reports(node, ['CLUSTER', 'INFO'], 'cluster_state:ok');
    const [first, second, third, ...replicas] = nodes;
    if (first === undefined || second === undefined || third === undefined) throw new Error('too few nodes');
    const ids = await Promise.all([second, third].map(async (node) => String(await node.command('CLUSTER', 'MYID'))));
    const [from = '', to = ''] = ids;
    for (const replica of replicas) await reports(replica, ['INFO', 'replication'], 'master_link_status:up');
    const both = await startInstances(`redis://${nodes.map(address).join()}?cluster`);
    await until(() => share(both), PATIENCE_MS);

    const failures = await failuresDuring(async () => {
      await first.kill();
      await until(async () => {
        const roles = await Promise.all(replicas.map((replica) => replica.command('INFO', 'replication')));
        return roles.some((role) => String(role).includes('role:master'));
      }, PATIENCE_MS);
      // All nodes have to agree on who replaced the master.
      const agrees = () =>
        cli('--cluster', 'check', address(second)).then(
          () => true,
          () => false,
        );
      await until(agrees, PATIENCE_MS);
      await cli(
        ...['--cluster', 'reshard', address(second), '--cluster-from', from, '--cluster-to', to],
        ...['--cluster-slots', '1000', '--cluster-yes'],
      );
    }, both);

    expect(failures).toEqual([]);
    await until(async () => (await share(both)) && (await share(both)) && (await share(both)), PATIENCE_MS);
  });
});
