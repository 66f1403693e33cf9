import { ENVIRONMENT_SETTINGS, type EnvironmentSource, SECRET_VARIABLES } from './environment.js';

/** An unknown variable, and the one that was probably meant. */
export interface UnknownVariable {
  readonly name: string;
  readonly nearest: string;
}

const KNOWN = [...Object.keys(ENVIRONMENT_SETTINGS), ...SECRET_VARIABLES.map((name) => `${name}_FILE`)];
/** Shorter names are too close to those of other programs: `HOME`, `POST`. */
const SHORTEST_NAME = 7;
const MOST_EDITS = 2;

/** Unknown variables with almost the name of a known one: misspelt, or without the ending. */
export function unknownVariables(source: EnvironmentSource): UnknownVariable[] {
  return Object.keys(source).flatMap((name) => {
    if (name.length < SHORTEST_NAME || KNOWN.includes(name)) return [];
    const upper = name.toUpperCase();
    const [best] = KNOWN.filter((known) => known.length >= SHORTEST_NAME)
      .map((known) => ({ nearest: known, edits: isBeginning(upper, known) ? MOST_EDITS : editsBetween(upper, known) }))
      .sort((a, b) => a.edits - b.edits);
    return best === undefined || best.edits > MOST_EDITS ? [] : [{ name, nearest: best.nearest }];
  });
}

/** Whether one name is the other without its ending: `UPSTREAM_TIMEOUT` for `UPSTREAM_TIMEOUT_MS`. Not single words. */
function isBeginning(name: string, known: string): boolean {
  return name.includes('_') && known.startsWith(`${name}_`);
}

/** The Levenshtein distance: the number of letters to insert, remove or replace. */
function editsBetween(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [index, letter] of Array.from(from).entries()) {
    const next = [index + 1];
    for (const [place, other] of Array.from(to).entries()) {
      next.push(
        Math.min((next[place] ?? 0) + 1, (row[place + 1] ?? 0) + 1, (row[place] ?? 0) + (letter === other ? 0 : 1)),
      );
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
