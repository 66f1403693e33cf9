import { pino } from 'pino';
import { RepeatedLines } from './repeated-lines.js';

describe('Lines that repeat', () => {
  let now: number;
  let lines: string[];
  let repeated: RepeatedLines;

  beforeEach(() => {
    jest.useFakeTimers();
    now = 1_000_000;
    lines = [];
    const logger = pino(
      { base: undefined, timestamp: false },
      {
        write: (text: string) => {
          const { event, of, lines: omitted } = JSON.parse(text) as Record<string, unknown>;
          lines.push(`${String(event)} ${String(of)} ${String(omitted)}`);
        },
      },
    );
    repeated = new RepeatedLines(logger, () => now);
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  const pass = (ms: number) => {
    now += ms;
    jest.advanceTimersByTime(ms);
  };
  const write = (times: number, kind: string, client?: string) => {
    for (let i = 0; i < times; i += 1) repeated.write(kind, client, () => lines.push(`${kind} ${String(client)}`));
  };

  it('are written five times a minute for each client, and then counted', () => {
    write(1000, 'refused', 'a');
    write(7, 'refused', 'b');
    expect(lines.map((line) => line.at(-1)).join('')).toBe('aaaaabbbbb');

    lines = [];
    pass(59_999);
    expect(lines).toEqual([]);
    pass(1);
    expect(lines).toEqual(['lines_omitted refused 997']);

    lines = [];
    write(6, 'refused', 'a');
    expect(lines).toHaveLength(5);
  });

  it('are bounded for all clients together, known or not, separately for each kind', () => {
    for (let client = 0; client < 10_000; client += 1) write(1, 'refused', `client-${client}`);
    write(10_000, 'malformed');
    expect(lines).toHaveLength(600);
    pass(60_000);
    expect(lines.slice(600)).toEqual(['lines_omitted refused 9700', 'lines_omitted malformed 9700']);
  });
});
