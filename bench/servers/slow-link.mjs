/**
 * A TCP relay to TARGET_PORT that makes loopback as slow as a network: data in either direction is passed on DELAY_MS
 * later, in order.
 */
import { connect, createServer } from 'node:net';
import { setImmediate, setTimeout } from 'node:timers';

const target = { host: '127.0.0.1', port: Number(process.env.TARGET_PORT), noDelay: true };
const delayMs = Number(process.env.DELAY_MS);
/** Timers may be late by this much, so the rest of the delay is spent watching the clock. */
const TIMER_TOLERANCE_MS = 1.5;

createServer({ noDelay: true }, (client) => {
  const server = connect(target);
  delay(client, server);
  delay(server, client);
}).listen(Number(process.env.PORT), '127.0.0.1');

function delay(from, to) {
  const chunks = [];
  const sendDue = () => {
    while (chunks.length > 0 && chunks[0].dueAt <= performance.now()) to.write(chunks.shift().chunk);
    if (chunks.length > 0) wait();
  };
  const wait = () => {
    const leftMs = chunks[0].dueAt - performance.now();
    if (leftMs > TIMER_TOLERANCE_MS) setTimeout(sendDue, leftMs - TIMER_TOLERANCE_MS);
    else setImmediate(sendDue);
  };
  from.on('data', (chunk) => {
    chunks.push({ chunk, dueAt: performance.now() + delayMs });
    if (chunks.length === 1) wait();
  });
  from.on('error', () => undefined);
  from.on('close', () => to.destroy());
}
