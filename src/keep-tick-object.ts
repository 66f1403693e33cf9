import { executionAsyncResource } from 'node:async_hooks';

/**
 * Keeps one of Node's tick objects alive for the life of the process. V8 forgets an object's shape when a collection
 * finds no object of it, and the code compiled for it along with that: every `process.nextTick()` after that is slow,
 * and an HTTP reply takes eight of them.
 */
export function keepTickObject(): void {
  process.nextTick(() => {
    kept.push(executionAsyncResource());
  });
}

const kept: object[] = [];
