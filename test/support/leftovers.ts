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

/** Closes whatever is left, newest first. Errors are ignored. */
export async function closeLeftovers(): Promise<void> {
  for (const resource of [...open].reverse()) await resource.close().catch(() => undefined);
}
