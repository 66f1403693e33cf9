import { type IncomingMessage } from 'node:http';
import { type CellsAuthorityService, type TokenSession, type TokenSessions } from '../cells-authority/index.js';
import { type GatewayTokenAction } from './gateway-observer.js';

/** What the tokens of all requests have in common. */
export interface RequestTokenTerms {
  readonly authority: CellsAuthorityService;
  readonly sessions: TokenSessions;
  /** The address that a client's failures are counted for. */
  readonly clientAddress: (request: IncomingMessage) => string | undefined;
  readonly tell: (action: GatewayTokenAction) => void;
}

/** The token that one request is sent with: the client's own or, in a session, the good one of its credential pair. */
export class RequestToken {
  #sent: string;
  #session: TokenSession | undefined;
  #repeated = false;

  constructor(
    private readonly own: string,
    private readonly request: IncomingMessage,
    private readonly terms: RequestTokenTerms,
  ) {
    this.#sent = own;
  }

  /** What takes the place of the client's own token; `undefined` when nothing does. */
  get replacement(): string | undefined {
    return this.#sent === this.own ? undefined : this.#sent;
  }

  get inSession(): boolean {
    return this.#session !== undefined;
  }

  get #clientAddress(): string | undefined {
    return this.terms.clientAddress(this.request);
  }

  /** Finds the token to send: at once, where nothing has to be waited for. */
  choose(): void | Promise<void> {
    const session = this.terms.sessions.find(this.own);
    return session instanceof Promise ? session.then((found) => this.#chooseIn(found)) : this.#chooseIn(session);
  }

  #chooseIn(session: TokenSession | undefined): void | Promise<void> {
    this.#session = session;
    const token = session === undefined ? this.own : session.token(this.#clientAddress);
    if (!(token instanceof Promise)) {
      this.#use(token);
      return;
    }
    return token.then((chosen) => {
      this.#use(chosen);
    });
  }

  #use(token: string | undefined): void {
    // The client's own, for the API to judge. After a 401 there would be no other one either.
    if (token === undefined) this.#session = undefined;
    this.#sent = token ?? this.own;
    this.terms.tell(this.#sent === this.own ? 'passed' : 'renewed');
  }

  /**
   * To be called after a 401.
   *
   * @param repeatable whether the request can be sent a second time.
   * @returns whether to do so, once there is another token; `undefined` when there is nothing to wait for.
   */
  refused(repeatable: boolean): Promise<boolean> | undefined {
    const { authority, tell } = this.terms;
    if (this.#session?.isReplacement(this.#sent) === true) return undefined;
    if (authority.invalidate(this.#sent)) tell('dropped');
    if (this.#session === undefined || this.#repeated) return undefined;
    this.#repeated = true;
    if (repeatable) return this.#replace(this.#session);
    tell('not_repeatable');
    return undefined;
  }

  async #replace(session: TokenSession): Promise<boolean> {
    const another = await session.tokenInsteadOf(this.#sent, this.#clientAddress);
    if (another === undefined) return false;
    this.#sent = another;
    this.terms.tell('repeated');
    return true;
  }
}
