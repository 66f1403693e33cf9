import { isIP, isIPv4 } from 'node:net';
import { ASPOSE_API_ORIGIN } from '../cells-authority/index.js';
import { choice, integer, isTokenUrl, text } from '../cells-authority/internal.js';

const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
const HOST_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9.])?$/;

/** The service's own variables; the options of the module follow from `AUTHORITY_SETTINGS`. */
export const SERVICE_SETTINGS = {
  HOST: text(
    'an address or a name of this machine',
    {
      means: 'where it listens; plain HTTP carries secrets, so loopback unless told otherwise',
      default: '127.0.0.1',
    },
    (host) => isIP(host) !== 0 || HOST_NAME.test(host),
  ),
  PORT: integer(0, 65_535, { means: '0 takes any free port', default: 3000 }),
  CELLS_API_URL: text(
    '`off`, an `https://` origin, or an `http://` one at a loopback address',
    {
      means: 'where requests to the Cells API go; `off` serves only tokens',
      default: ASPOSE_API_ORIGIN,
      shown: 'origin',
    },
    (url) => url === 'off' || (isTokenUrl(url) && isOriginAlone(new URL(url))),
  ),
  CELLS_API_MAX_BODY_MIB: integer(1, 65_536, {
    means: 'MiB of a request’s body through the gateway',
    default: 512,
  }),
  CELLS_API_TIMEOUT_MS: integer(100, 3_600_000, {
    means: 'milliseconds from the end of a request through the gateway until the headers of its answer arrive',
    default: 600_000,
  }),
  TRUST_PROXY: text(
    'IP addresses or CIDRs, separated by commas',
    { means: 'proxies whose `X-Forwarded-*` headers are believed' },
    (list) => listOf(list).every(isAddressOrCidr),
  ),
  TLS_CERT_FILE: text('a PEM file, together with `TLS_KEY_FILE`', { means: 'serve HTTPS with this certificate' }),
  TLS_KEY_FILE: text('a PEM file, together with `TLS_CERT_FILE`', { means: 'and its private key' }),
  CORS_ORIGINS: text(
    'origins such as `https://app.example.com`, separated by commas',
    { means: 'origins whose pages may call the service', shown: 'origin' },
    (list) => listOf(list).every(isOrigin),
  ),
  DOCS: choice(['on', 'off'], { means: 'the try-it page and the OpenAPI document', default: 'on' }),
  METRICS: choice(['on', 'off'], { means: 'Prometheus metrics', default: 'on' }),
  METRICS_PORT: integer(1, 65_535, {
    means: 'serves `/metrics` and `/health` on this port, by plain HTTP, and `/metrics` no longer on `PORT`',
  }),
  LOG_LEVEL: choice(LEVELS, { means: 'what is logged', default: 'info' }),
  ASPOSE_CLIENT_ID: text('given together with `ASPOSE_CLIENT_SECRET`', {
    means: 'the Client ID for `cells-authority token`; the HTTP operation never uses it',
    shown: 'never',
  }),
  ASPOSE_CLIENT_SECRET: text('given together with `ASPOSE_CLIENT_ID`', { means: 'its secret', shown: 'never' }),
  SHUTDOWN_GRACE_MS: integer(0, 600_000, {
    means:
      'milliseconds for open requests and transfers to end when the service is told to stop; it stops as soon as they have ended',
    default: 25_000,
  }),
  SHUTDOWN_NOTICE_MS: integer(0, 600_000, {
    means:
      'of these, the milliseconds (half at most) in which `/health/ready` fails but everything is still served, so that load balancers and Kubernetes remove the instance first',
    default: 5000,
  }),
};

/** Variables that only make sense together. */
export const PAIRS = [
  ['TLS_CERT_FILE', 'TLS_KEY_FILE'],
  ['ASPOSE_CLIENT_ID', 'ASPOSE_CLIENT_SECRET'],
] as const;

/** The parts of a comma-separated list. */
export function listOf(list: string): string[] {
  return list.split(',').map((part) => part.trim());
}

function isAddressOrCidr(part: string): boolean {
  const [, address = '', bits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(part) ?? [];
  return isIP(address) !== 0 && Number(bits ?? 0) <= (isIPv4(address) ? 32 : 128);
}

function isOriginAlone({ pathname, search }: URL): boolean {
  return pathname === '/' && search === '';
}

function isOrigin(part: string): boolean {
  return /^https?:\/\/[^\s/@?#\\]+$/.test(part) && URL.canParse(part);
}
