/** Milliseconds that only ever go forward; where they start means nothing. */
export type Clock = () => number;

/** Not the wall clock: one that is set must neither hold a client for longer nor release it early. */
export const monotonicClock: Clock = () => performance.now();

/** Milliseconds since 1970, as the machine believes. */
export const wallClock: Clock = () => Date.now();

/** The two clocks drift, and the wall clock is slewed: a lead is real time only beyond this, in milliseconds. */
const LEAD_MS = 1000;

/**
 * The clock that tokens age by. The monotonic clock stands still while the machine is suspended, and tokens expire all the
 * same: so whatever the wall clock gains on it is added. A wall clock that is set back changes nothing; one that is set
 * forward ends tokens early, which costs a new one each and harms nobody.
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
