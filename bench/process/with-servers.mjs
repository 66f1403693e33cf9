/**
 * Runs a case and stops its servers afterwards.
 *
 * @template T
 * @param {(started: <S extends { stop(): Promise<void> }>(server: Promise<S>) => Promise<S>) => Promise<T>} run `started`
 *   waits for a server and remembers to stop it
 * @returns {Promise<T>}
 */
export async function withServers(run) {
  const servers = [];
  try {
    return await run(async (starting) => {
      const server = await starting;
      servers.push(server);
      return server;
    });
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
}
