/** Where Redis is and how to log in, read from `redisUrl`. */
export interface RedisAddress {
  /** A single host, some nodes of a Cluster, or the Sentinels. */
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly tls: boolean;
  /** PEM file of the certificate authority to trust instead of Node's own. */
  readonly caFile: string | undefined;
  /** PEM files of this client's own certificate and its key. */
  readonly client: { readonly certFile: string; readonly keyFile: string } | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  readonly cluster: boolean;
  readonly sentinel:
    | { readonly master: string; readonly username: string | undefined; readonly password: string | undefined }
    | undefined;
}

const URL_PARTS = /^(rediss?):\/\/(?:([^:@/?#]*)(?::([^@/?#]*))?@)?([^@/?#]*)(?:\/(\d{0,4}))?(?:\?([^#]*))?$/;
const REDIS_PORT = 6379;
const SENTINEL_PORT = 26_379;
const PARAMETERS: ReadonlySet<string> = new Set([
  'ca',
  'cert',
  'key',
  'cluster',
  'sentinel',
  'sentinelUsername',
  'sentinelPassword',
]);

/**
 * Reads a Redis URL:
 * - `redis://[user:password@]host[:port][/database]`, and `rediss://` for TLS;
 * - `?ca=<file>` trusts the certificate authorities of that PEM file only;
 * - `?cert=<file>&key=<file>` shows a certificate of the client;
 * - `host:port,host:port?cluster` is a Cluster;
 * - `host:port,host:port?sentinel=<master>` are Sentinels, with `sentinelUsername` and `sentinelPassword`.
 *
 * User, password and parameters are percent-encoded. `undefined` for anything else.
 */
export function parseRedisUrl(url: string): RedisAddress | undefined {
  try {
    return parse(url);
  } catch {
    // A broken percent-encoding.
    return undefined;
  }
}

function parse(url: string): RedisAddress | undefined {
  const [, scheme, username, password, hostList = '', database, query] = URL_PARTS.exec(url) ?? [];
  const parameters = new URLSearchParams(query);
  if ([...parameters.keys()].some((name) => !PARAMETERS.has(name))) return undefined;
  const master = parameters.get('sentinel') ?? undefined;
  const cluster = parameters.has('cluster');
  const [certFile, keyFile] = [parameters.get('cert'), parameters.get('key')];
  const client = certFile !== null && keyFile !== null ? { certFile, keyFile } : undefined;
  if (client === undefined && (certFile ?? keyFile) !== null) return undefined;
  const hosts = hostList.split(',').map((host) => parseHost(host, master === undefined ? REDIS_PORT : SENTINEL_PORT));
  const known = hosts.filter((host) => host !== undefined);
  const several = cluster || master !== undefined;
  if (known.length < hosts.length || (known.length > 1 && !several) || (cluster && master !== undefined)) {
    return undefined;
  }
  return {
    hosts: known,
    tls: scheme === 'rediss',
    caFile: parameters.get('ca') ?? undefined,
    client,
    username: username === '' ? undefined : decoded(username),
    password: decoded(password),
    database: Number(database ?? 0),
    cluster,
    sentinel:
      master === undefined
        ? undefined
        : {
            master,
            username: parameters.get('sentinelUsername') ?? undefined,
            password: parameters.get('sentinelPassword') ?? undefined,
          },
  };
}

function decoded(text: string | undefined): string | undefined {
  return text === undefined ? undefined : decodeURIComponent(text);
}

function parseHost(text: string, defaultPort: number): { host: string; port: number } | undefined {
  const [, ipv6, name, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = ipv6 ?? name;
  const number = Number(port ?? defaultPort);
  return host === undefined || number < 1 || number > 65_535 ? undefined : { host, port: number };
}
