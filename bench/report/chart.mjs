const WIDTH = 760;
const BAR = { left: 190, height: 22, gap: 12, width: 430 };
const TOP = 56;

/** Requests per second as a bar chart, in SVG that follows the reader's light or dark scheme. */
export function chart(throughput, machine) {
  const bars = [...throughput].sort(([, a], [, b]) => b.requestsPerSecond - a.requestsPerSecond);
  const most = bars[0][1].requestsPerSecond;
  const height = TOP + bars.length * (BAR.height + BAR.gap) + 30;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Token requests per second on one core">
  <style>
    text { font: 13px system-ui, sans-serif; fill: #24292f }
    .title { font-size: 16px; font-weight: 600 }
    .note { font-size: 11px; fill: #57606a }
    .label { text-anchor: end }
    .own { font-weight: 600 }
    rect { fill: #afb8c1 }
    rect.own { fill: #0969da }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 }
      .note { fill: #8d96a0 }
      rect { fill: #484f58 }
      rect.own { fill: #4493f8 }
    }
  </style>
  <text class="title" x="16" y="26">Token requests per second on one core</text>
  <text class="note" x="16" y="44">1.2 KB token, 32 keep-alive connections; blue: cells-authority</text>
${bars.map((bar, n) => drawBar(bar, TOP + n * (BAR.height + BAR.gap), most)).join('\n')}
  <text class="note" x="16" y="${height - 10}">${escape(machine)}</text>
</svg>
`;
}

function drawBar([name, { requestsPerSecond, p99, own }], y, most) {
  const width = Math.round((BAR.width * requestsPerSecond) / most);
  const kind = own ? 'own' : 'peer';
  const middle = y + BAR.height / 2 + 4.5;
  const figure = `${Math.round(requestsPerSecond).toLocaleString('en')} · p99 ${p99.toPrecision(2)} ms`;
  return `  <text class="label ${kind}" x="${BAR.left - 10}" y="${middle}">${escape(name)}</text>
  <rect class="${kind}" x="${BAR.left}" y="${y}" width="${width}" height="${BAR.height}" rx="3"/>
  <text class="${kind}" x="${BAR.left + width + 8}" y="${middle}">${figure}</text>`;
}

function escape(text) {
  return text.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);
}
