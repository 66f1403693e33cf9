import { fork } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { killedAtTheEnd } from './leftovers.js';

export interface DemoProcess<Addresses> {
  readonly addresses: Addresses;
  close(): Promise<void>;
}

/**
 * Starts one of the demo's servers beside the test, as a process: they use packages that are ESM only, and a process also
 * keeps their work off the event loop that the test measures. It ends with `close()`, or with the test.
 */
export async function startDemoProcess<Addresses>(
  script: string,
  env: Readonly<Record<string, string>>,
): Promise<DemoProcess<Addresses>> {
  const server = killedAtTheEnd(
    fork(resolve(script), {
      execArgv: ['--import', 'tsx'],
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    }),
  );
  const exited = once(server, 'exit');
  if (!server.stdout) throw new Error(`${script} has no stdout`);
  const lines = createInterface({ input: server.stdout });

  const started = await Promise.race([once(lines, 'line'), exited.then(() => undefined)]);
  if (started === undefined) throw new Error(`${script} ended before it listened`);

  return {
    addresses: JSON.parse(String(started[0])) as Addresses,
    close: async () => {
      server.kill('SIGTERM');
      await exited;
      lines.close();
    },
  };
}
