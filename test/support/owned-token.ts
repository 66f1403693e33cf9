/** The contents of a token of the stub authorization server. */
export interface TokenOwner {
  readonly clientId: string;
  readonly scope: string;
  /** 1 for the first token that server issued. */
  readonly serial: number;
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const HEADER = encode({ alg: 'none', typ: 'at+jwt' });

/** Looks like a JWT and names its owner, so that a test notices at once when another client gets it. */
export const ownedToken = (owner: TokenOwner): string =>
  `${HEADER}.${encode(owner)}.${encode(`signature ${owner.serial}`)}`;

/** @throws when it is not such a token. */
export function ownerOf(token: string): TokenOwner {
  const [header, owner] = token.split('.');
  if (header !== HEADER || owner === undefined) throw new Error('not a token of the stub authorization server');
  return JSON.parse(Buffer.from(owner, 'base64url').toString()) as TokenOwner;
}
