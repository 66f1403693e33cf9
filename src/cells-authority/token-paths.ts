/** The published operation, which the newest Go SDK calls, too. */
export const PUBLISHED_PATH = 'v4.0/cells/connect/token';

/** Where the other SDKs, of all ages, ask for their tokens; kept out of the OpenAPI document. */
export const SDK_PATHS = [
  // .NET, Java, Python, PHP, Ruby, Perl and Go since about 24.11
  'v3.0/cells/connect/token',
  // Node; the others from 20 to 24.x; C++
  'connect/token',
  // every SDK in its v1.1 mode; all up to 19.x
  'oauth2/token',
  // shown in some documentation
  'v3.0/connect/token',
];
