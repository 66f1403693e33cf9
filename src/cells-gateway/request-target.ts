import { PUBLISHED_PATH, SDK_PATHS } from '../cells-authority/index.js';

/** What a request target (RFC 9112 §3.2) asks for, as far as the gateway is concerned. */
export type TargetDecision =
  /** Not for the gateway: token paths and the service's own pages. */
  | { readonly kind: 'elsewhere' }
  /** For the gateway, but not to be passed on. */
  | { readonly kind: 'malformed' }
  /** For the gateway. */
  | {
      readonly kind: 'cells_api';
      /** What is passed on: path and query as received, with a single leading slash. */
      readonly target: string;
      /** The part of the path with the API's version, which says nothing about the user. */
      readonly api: CellsApiPath;
    };

/** The Cells API has these paths and everything below them. */
const CELLS_API_PATHS = ['/v1.1/cells', '/v3.0/cells', '/v4.0/cells'] as const;
export type CellsApiPath = (typeof CELLS_API_PATHS)[number];

const TOKEN_PATHS: ReadonlySet<string> = new Set([PUBLISHED_PATH, ...SDK_PATHS].map((path) => `/${path}`));

const ELSEWHERE = { kind: 'elsewhere' } as const;
const MALFORMED = { kind: 'malformed' } as const;

/**
 * Decides by a copy of the path: decoded once, in lower case, with single slashes. The API might read a path in any of
 * these ways, so whatever becomes a token path in that copy must be spelled exactly like one, or it would get around
 * the holds. The query, which may contain passwords, is not looked at.
 */
export function decideTarget(rawTarget: string): TargetDecision {
  const { path, query, absolute } = split(rawTarget);
  if (TOKEN_PATHS.has(singleSlashed(path))) return ELSEWHERE;
  const copy = singleSlashed(decodeOnce(path)).toLowerCase();
  const api = apiPathOf(copy);
  if (api === undefined) return ELSEWHERE;
  if (absolute || !path.startsWith('/') || isBroken(path, copy) || TOKEN_PATHS.has(withoutTrailingSlash(copy)))
    return MALFORMED;
  return { kind: 'cells_api', target: path.replace(/^\/+/, '/') + query, api };
}

interface SplitTarget {
  readonly path: string;
  /** With its question mark; empty when there is none. */
  readonly query: string;
  /** Whether the target is in absolute form: `GET http://host/path`. */
  readonly absolute: boolean;
}

function split(rawTarget: string): SplitTarget {
  const question = rawTarget.indexOf('?');
  const beforeQuery = question === -1 ? rawTarget : rawTarget.slice(0, question);
  const query = question === -1 ? '' : rawTarget.slice(question);
  const path = beforeQuery.startsWith('/') ? undefined : /^[a-z][a-z0-9+.-]*:\/\/[^/]*(.*)$/is.exec(beforeQuery)?.[1];
  return path === undefined ? { path: beforeQuery, query, absolute: false } : { path, query, absolute: true };
}

function singleSlashed(path: string): string {
  return path.includes('//') ? path.replace(/\/{2,}/g, '/') : path;
}

function withoutTrailingSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path;
}

/** Reads the path's bytes (one per character, as Node passes them) and percent-encoded bytes as UTF-8. */
function decodeOnce(path: string): string {
  if (!/[%\x80-\xff]/.test(path)) return path;
  const bytes = path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

function apiPathOf(copy: string): CellsApiPath | undefined {
  return CELLS_API_PATHS.find(
    (path) => copy.startsWith(path) && (copy.length === path.length || copy[path.length] === '/'),
  );
}

/** Whether it has a broken escape, a fragment (not allowed here), a control character, a backslash or a dot segment. */
function isBroken(path: string, copy: string): boolean {
  return /%(?![0-9a-f]{2})|#/i.test(path) || /[\p{Cc}\\]/u.test(copy) || /\/\.{1,2}(?:\/|$)/.test(copy);
}
