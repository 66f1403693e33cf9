import { type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

interface Closable {
  close(): Promise<unknown>;
}

const open = new Set<Closable>();

/** Closes this at the end of the test file unless its test has, so that a failing test cannot keep the run open. */
export function closedAtTheEnd<T extends Closable>(resource: T): T {
  const close = resource.close.bind(resource);
  resource.close = () => {
    open.delete(resource);
    return close();
  };
  open.add(resource);
  return resource;
}

/** Kills this process at the end of the test file unless it has ended by then. One that is left would keep the run open. */
export function killedAtTheEnd<T extends ChildProcess>(child: T): T {
  closedAtTheEnd({
    close: async () => {
      const exited = once(child, 'exit');
      // False if there is no such process any more.
      if (child.kill('SIGKILL')) await exited;
    },
  });
  return child;
}

/** Closes whatever is left, newest first. Errors are ignored. */
export async function closeLeftovers(): Promise<void> {
  for (const resource of [...open].reverse()) await resource.close().catch(() => undefined);
}
