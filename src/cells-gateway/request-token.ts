import { type IncomingMessage } from 'node:http';
import { type CellsAuthorityService, type TokenSession, type TokenSessions } from '../cells-authority/index.js';
import { type GatewayTokenAction } from './gateway-observer.js';

export interface RequestTokenTerms {
  readonly authority: CellsAuthorityService;
  readonly sessions: TokenSessions;
  /** A client's failures count against this address. */
  readonly clientAddress: (request: IncomingMessage) => string;
  readonly report: (action: GatewayTokenAction) => void;
}

/** The token that a request is sent with: the client's own or, in a session, a good one of its credential pair. */
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

  /** The token that replaces the client's own, if any. */
  get replacement(): string | undefined {
    return this.#sent === this.own ? undefined : this.#sent;
  }

  get inSession(): boolean {
    return this.#session !== undefined;
  }

  get #clientAddress(): string {
    return this.terms.clientAddress(this.request);
  }

  /** Finds the token to send. Returns a promise only if there is something to wait for. */
  choose(): void | Promise<void> {
    const session = this.terms.sessions.find(this.own);
    return session instanceof Promise ? session.then((found) => this.#chooseIn(found)) : this.#chooseIn(session);
  }

  #chooseIn(session: TokenSession | undefined): void | Promise<void> {
    this.#session = session;
    const token = session === undefined ? this.own : session.token(() => this.#clientAddress);
    if (!(token instanceof Promise)) {
      this.#use(token);
      return;
    }
    return token.then((chosen) => {
      this.#use(chosen);
    });
  }

  #use(token: string | undefined): void {
    // Sends the client's own token, for the API to judge. No other one could be had after a 401, either.
    if (token === undefined) this.#session = undefined;
    this.#sent = token ?? this.own;
    this.terms.report(this.#sent === this.own ? 'passed' : 'renewed');
  }

  /**
   * Called after a 401.
   *
   * @param repeatable whether the request can be sent again.
   * @returns a promise of whether to send it again, with another token; `undefined` when it is not to be sent again.
   */
  refused(repeatable: boolean): Promise<boolean> | undefined {
    const { authority, report } = this.terms;
    if (this.#session?.isReplacement(this.#sent) === true) return undefined;
    if (authority.invalidate(this.#sent)) report('dropped');
    if (this.#session === undefined || this.#repeated) return undefined;
    this.#repeated = true;
    if (repeatable) return this.#replace(this.#session);
    report('not_repeatable');
    return undefined;
  }

  async #replace(session: TokenSession): Promise<boolean> {
    const another = await session.tokenInsteadOf(this.#sent, this.#clientAddress);
    if (another === undefined) return false;
    this.#sent = another;
    this.terms.report('repeated');
    return true;
  }
}
