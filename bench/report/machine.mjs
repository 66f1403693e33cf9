import { spawnSync } from 'node:child_process';
import { cpus, release, totalmem } from 'node:os';
import { loadGenerator } from '../load/load.mjs';
import { canPin } from '../process/cores.mjs';

/** The machine that the figures were measured on, in a line. */
export function machine() {
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  const parts = [
    `${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${cpus().length} cores, ${memory}`,
    `Linux ${release()}`,
    `Node.js ${process.version}`,
    firstLine('nginx', '-v') ?? firstLine('/usr/sbin/nginx', '-v') ?? 'no nginx',
    loadGenerator === 'wrk' ? `wrk ${/[\d.]+/.exec(firstLine('wrk', '-v'))?.[0]}` : 'autocannon (no wrk)',
    ...(canPin ? [] : ['NOT PINNED to cores']),
  ];
  return parts.join(' · ');
}

function firstLine(program, ...args) {
  const { error, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  return error === undefined ? `${stdout}${stderr}`.split('\n')[0].replace(/^.*: /, '') : undefined;
}
