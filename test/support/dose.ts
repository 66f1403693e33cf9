/** How much of something to try: all of it with `npm run test:all`, a taste with `npm test`. */
export function dose<T>(full: T, small: T): T {
  return process.env.TEST_DOSE === 'full' ? full : small;
}
