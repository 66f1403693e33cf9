import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type BuiltService, startBuiltService } from './built-service.js';
import { exchange } from './http-exchange.js';

/** A text unlike any other, and split in two so that it is not found in the test itself. */
export const unmistakable = (name: string): string => [name, 'f00dfeedfacecafe'].join('-');

/** A built service whose memory can be searched. A snapshot of it takes a busy machine a while. */
export class SearchableService {
  private constructor(
    private readonly built: BuiltService,
    private readonly folder: string,
  ) {}

  static async start(env: Record<string, string>): Promise<SearchableService> {
    const folder = mkdtempSync(join(tmpdir(), 'heap-'));
    const nodeArguments = [`--diagnostic-dir=${folder}`, '--heapsnapshot-signal=SIGUSR2'];
    return new SearchableService(await startBuiltService({ env, nodeArguments }), folder);
  }

  get origin(): string {
    return this.built.origin;
  }

  /** All that is in the heap, after a few requests that replace what the HTTP layer still has of the last one. */
  async heap(): Promise<string> {
    for (let i = 0; i < 20; i += 1) await exchange(this.origin, { method: 'GET', path: '/health/live' });
    this.built.process.kill('SIGUSR2');
    for (;;) {
      const [file] = readdirSync(this.folder);
      const text = file === undefined ? '' : readFileSync(join(this.folder, file), 'utf8');
      // The process writes while it does nothing else.
      if (text.trimEnd().endsWith('}')) return text;
      await delay(200);
    }
  }

  async stop(): Promise<void> {
    await this.built.stop();
    rmSync(this.folder, { recursive: true });
  }
}
