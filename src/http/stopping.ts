import { Global, Injectable, Module } from '@nestjs/common';

/** Whether the process was told to end: readiness fails from then on, and connections are closed once answered. */
@Injectable()
export class Stopping {
  #begun = false;

  get begun(): boolean {
    return this.#begun;
  }

  begin(): void {
    this.#begun = true;
  }
}

/** One {@link Stopping} for the whole service. */
@Global()
@Module({ providers: [Stopping], exports: [Stopping] })
export class StoppingModule {}
