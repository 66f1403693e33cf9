import { verdict } from './verdict.mjs';

/** The requirements, as a Markdown table. */
export function requirementsTable(requirements, judged) {
  return table(
    ['case', 'required', 'goal', 'measured', 'by CPU time', 'by instructions', 'verdict'],
    requirements.map((requirement) => {
      const { what, bound, limit, goal, unit, measured, byCpuTime, byInstructions } = requirement;
      const figure = (value, absent = '–') => (value === undefined ? absent : `${round(value)}${unit}`);
      const word = verdict(requirement, judged);
      const required = bound === undefined ? '' : `${bound} ${figure(limit)}`;
      const costs = [figure(byCpuTime, ''), figure(byInstructions, '')];
      return [what, required, figure(goal, ''), figure(measured), ...costs, word];
    }),
  );
}

/** Requests per second and related figures, as a Markdown table. */
export function throughputTable(title, throughput) {
  return table(
    [title, 'requests/s', 'p50', 'p99', 'core used', 'requests per CPU second', 'instructions per request'],
    [...throughput].map(
      ([name, { requestsPerSecond, requestsPerCpuSecond, instructionsPerRequest, p50, p99, busy }]) => [
        name,
        Math.round(requestsPerSecond).toLocaleString('en'),
        `${round(p50)} ms`,
        `${round(p99)} ms`,
        `${Math.round(busy * 100)} %`,
        Math.round(requestsPerCpuSecond).toLocaleString('en'),
        instructionsPerRequest === undefined
          ? 'not counted here'
          : Math.round(instructionsPerRequest).toLocaleString('en'),
      ],
    ),
  );
}

/** Three significant digits. */
function round(value) {
  return String(Number(value.toPrecision(3)));
}

function table(head, rows) {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((cells) => cells[column].length)));
  const line = (cells) => `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}
