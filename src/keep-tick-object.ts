import { executionAsyncResource } from 'node:async_hooks';

/**
 * Keeps one of Node's tick objects alive for the life of the process. V8 drops an object's shape when a collection
 * finds no object of that shape, and the code compiled for it, too. Every later `process.nextTick()` is then slow, and
 * an HTTP reply takes eight of them.
 */
export function keepTickObject(): void {
  process.nextTick(() => {
    kept.push(executionAsyncResource());
  });
}

const kept: object[] = [];
