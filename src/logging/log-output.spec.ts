import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LogOutput } from './log-output.js';

describe('LogOutput', () => {
  let folder: string;
  let file: number;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'log-output-'));
    file = openSync(join(folder, 'log'), 'w');
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  const written = () => readFileSync(join(folder, 'log'), 'utf8');

  it('writes all lines in order before it ends, and none afterwards', async () => {
    const output = new LogOutput(file);
    for (let line = 0; line < 2000; line += 1) output.write(`${line}\n`);
    const ended = output.end();
    output.write('late\n');
    await ended;
    output.write('later\n');

    expect(written()).toBe(Array.from({ length: 2000 }, (_, line) => `${line}\n`).join(''));
    expect(output.dropped).toBe(0);
  });

  it('drops and counts lines when there is no room, and says so once', async () => {
    const output = new LogOutput(file, 10_000);
    const reports: number[] = [];
    const recovered = new Promise<void>((resolve) => {
      output.onRecovery((dropped) => {
        reports.push(dropped);
        resolve();
      });
    });
    for (let line = 0; line < 150; line += 1) output.write('x'.repeat(99) + '\n');
    expect(output.dropped).toBe(50);
    await recovered;
    output.write('after\n');
    await output.end();

    expect(reports).toEqual([50]);
    expect(written()).toBe(`${'x'.repeat(99)}\n`.repeat(100) + 'after\n');
  });

  it('ends even if nothing can be written', async () => {
    const output = new LogOutput(openSync('/dev/full', 'w'));
    output.write('lost\n');
    await output.end();
  });

  it('keeps no process alive', () => {
    const timers = jest.spyOn(globalThis, 'setInterval');
    new LogOutput(file);

    expect(timers.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef())).toEqual([false]);
    timers.mockRestore();
  });
});
