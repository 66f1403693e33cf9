import { type IncomingMessage } from 'node:http';

/** Whoever has not sent a whole body by then is cut off at the next check. */
const DEADLINE_MS = 10_000;
const CHECK_EVERY_MS = 250;
/** The first check may come at once. */
const CHECKS_TO_DEADLINE = DEADLINE_MS / CHECK_EVERY_MS + 1;

interface ExpectedBody {
  readonly lastCheck: number;
  readonly cutOff: () => void;
}

/** Looks after all bodies with one timer: one for each would cost more than to read it. */
export class BodyDeadlines {
  readonly #expected = new Map<IncomingMessage, ExpectedBody>();
  #checks = 0;
  #timer: NodeJS.Timeout | undefined;

  /** Calls `cutOff` when neither {@link forget} is called in time nor the client goes away. */
  expect(request: IncomingMessage, cutOff: () => void): void {
    this.#expected.set(request, { lastCheck: this.#checks + CHECKS_TO_DEADLINE, cutOff });
    this.#timer ??= setInterval(() => {
      this.#check();
    }, CHECK_EVERY_MS).unref();
  }

  forget(request: IncomingMessage): void {
    this.#expected.delete(request);
  }

  #check(): void {
    this.#checks += 1;
    for (const [request, { lastCheck, cutOff }] of this.#expected) {
      if (this.#checks < lastCheck && !request.destroyed) continue;
      this.#expected.delete(request);
      if (!request.destroyed) cutOff();
    }
    if (this.#expected.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
