import { Global, Injectable, Module } from '@nestjs/common';

/** Whether the process was told to stop. From then on readiness fails, and connections are closed after an answer. */
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
