/** Milliseconds that only ever go forward, from an arbitrary start. */
export type Clock = () => number;

/** Not the wall clock: setting that must neither prolong a hold nor end it early. */
export const monotonicClock: Clock = () => performance.now();

/** Milliseconds since 1970, by the machine's clock. */
export const wallClock: Clock = () => Date.now();

/** Milliseconds. A smaller lead is only drift between the two clocks, or an adjustment of the wall clock. */
const LEAD_MS = 1000;

/**
 * The clock that tokens age by. The monotonic clock stops while the machine is suspended, but tokens still expire, so
 * whatever the wall clock gains on it is added. Setting the wall clock back changes nothing; setting it forward ends
 * tokens early, which costs one new token each and does no harm.
 */
export function tokenClock(monotonic: Clock, wall: Clock): Clock {
  let gained = 0;
  let difference = wall() - monotonic();
  return () => {
    const now = monotonic();
    const lead = wall() - now - difference;
    if (lead > LEAD_MS || lead < -LEAD_MS) {
      difference += lead;
      gained += Math.max(0, lead);
    }
    return now + gained;
  };
}
