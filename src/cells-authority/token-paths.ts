import { type AuthorityOptions } from './cells-authority.options.js';

/** The published operation, also called by the newest Go SDK. */
export const PUBLISHED_PATH = 'v4.0/cells/connect/token' as const;

/** Where the other SDKs, old and new, request their tokens; kept out of the OpenAPI document. */
export const SDK_PATHS = [
  // .NET, Java, Python, PHP, Ruby, Perl and Go since about 24.11
  'v3.0/cells/connect/token',
  // Node; the others from 20 to 24.x; C++
  'connect/token',
  // every SDK in its v1.1 mode; all up to 19.x
  'oauth2/token',
  // shown in some documentation
  'v3.0/connect/token',
] as const;

/** A path where SDKs request their tokens. */
export type SdkPath = (typeof SDK_PATHS)[number];

/** A path where tokens are requested. */
export type TokenPath = typeof PUBLISHED_PATH | SdkPath;

/** Which of these paths a URL's path ends in, after any prefix of the host; the longest one, if several match. */
export function tokenPathAt(urlPath: string, paths: readonly TokenPath[]): TokenPath | undefined {
  const plain = urlPath
    .toLowerCase()
    .replace(/\/{2,}/g, '/')
    .replace(/\/$/, '');
  return paths.filter((path) => plain.endsWith(`/${path}`)).sort((a, b) => b.length - a.length)[0];
}

/** Seconds after its issue for which a token is reused on this path. */
export function maxAgeOn(path: TokenPath, { tokenMaxAgeS = Infinity, sdkTokenMaxAgeS }: AuthorityOptions): number {
  return path === PUBLISHED_PATH ? tokenMaxAgeS : sdkTokenMaxAgeS;
}
