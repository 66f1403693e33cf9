const PARENT_CHECK_MS = 500;

/**
 * Aborted when the demo is to end: by Ctrl-C, SIGTERM or a closed terminal, or because npm was killed. npm passes a signal
 * on to the shell it runs a script in, and that shell dies of it without passing it on, so there the parent is watched.
 */
export function endRequested(): AbortSignal {
  const controller = new AbortController();
  const end = () => {
    controller.abort();
  };
  process.on('SIGINT', end).on('SIGTERM', end).on('SIGHUP', end);

  if (process.env.npm_lifecycle_event !== undefined) {
    const parent = process.ppid;
    setInterval(() => {
      if (process.ppid !== parent) end();
    }, PARENT_CHECK_MS).unref();
  }
  return controller.signal;
}
