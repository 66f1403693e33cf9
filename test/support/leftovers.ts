interface Closable {
  close(): Promise<unknown>;
}

const open = new Set<Closable>();

/** Closes this at the end of the test file unless its test has: a test that fails must not keep the run from ending. */
export function closedAtTheEnd<T extends Closable>(resource: T): T {
  const close = resource.close.bind(resource);
  resource.close = () => {
    open.delete(resource);
    return close();
  };
  open.add(resource);
  return resource;
}

/** Closes whatever is left, the newest first; what that comes to is no test's verdict. */
export async function closeLeftovers(): Promise<void> {
  for (const resource of [...open].reverse()) await resource.close().catch(() => undefined);
}
