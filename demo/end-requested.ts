const PARENT_CHECK_MS = 500;

/**
 * Aborted when the demo should end: by Ctrl-C, SIGTERM or a closed terminal, or because npm was killed. npm passes a
 * signal on to the shell that runs the script, and the shell dies without passing it on, so the parent is watched, too.
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
