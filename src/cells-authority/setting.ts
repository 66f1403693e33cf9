/**
 * One option or environment variable: its meaning, the allowed values and the default. Validation, printing and
 * documentation all use this.
 */
export interface Setting<T = unknown, D = string | number | undefined> {
  /** A line for the documentation, in Markdown. */
  readonly means: string;
  /** The values allowed, in Markdown. */
  readonly allowed: string;
  readonly default: D;
  /** What may be printed of a value: all of it, a URL's origin, or nothing because it is a secret. */
  readonly shown: 'whole' | 'origin' | 'never';
  readonly accepts: (value: unknown) => value is T;
  /** Converts text to a value. Text that cannot be converted is returned unchanged, so that `accepts` refuses it. */
  readonly fromText: (text: string) => unknown;
}

/** Options by name. */
export type Settings = Readonly<Record<string, Setting>>;

/** The values of all settings, with the defaults applied. */
export type ValuesOf<S extends Settings> = {
  readonly [K in keyof S]: S[K] extends Setting<infer T, infer D> ? (D extends undefined ? T | undefined : T) : never;
};

interface About<D> {
  readonly means: string;
  readonly default?: D;
  readonly shown?: Setting['shown'];
}

/** An integer between two others. */
export function integer<D extends number | undefined = undefined>(
  least: number,
  most: number,
  about: About<D>,
): Setting<number, D> {
  return setting<number, D>(
    `an integer, ${least}..${most}`,
    (value) => typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most,
    about,
    (written) => (/^-?\d{1,15}$/.test(written) ? Number(written) : written),
  );
}

/** One of several words. */
export function choice<T extends string, D extends T | undefined = undefined>(
  words: readonly T[],
  about: About<D>,
): Setting<T, D> {
  const known: ReadonlySet<unknown> = new Set(words);
  return setting<T, D>(alternatives(words.map((word) => `\`${word}\``)), (value) => known.has(value), about);
}

/** Such as `a, b or c`. */
function alternatives(words: readonly string[]): string {
  return [words.slice(0, -1).join(', '), ...words.slice(-1)].filter((part) => part !== '').join(' or ');
}

/** Text that a function accepts, by default any text that is not empty. */
export function text<D extends string | undefined = undefined>(
  allowed: string,
  about: About<D>,
  accepts: (value: string) => boolean = () => true,
): Setting<string, D> {
  return setting<string, D>(allowed, (value) => typeof value === 'string' && value.length > 0 && accepts(value), about);
}

function setting<T, D>(
  allowed: string,
  accepts: (value: unknown) => boolean,
  { means, default: byDefault, shown = 'whole' }: About<D>,
  fromText: (written: string) => unknown = (written) => written,
): Setting<T, D> {
  return {
    means,
    allowed,
    default: byDefault as D,
    shown,
    accepts: (value): value is T => accepts(value),
    fromText,
  };
}

/** A value that is missing or not allowed. */
export interface Violation {
  readonly name: string;
  readonly value: unknown;
  /** What is allowed, without Markdown. */
  readonly allowed: string;
  readonly shown: Setting['shown'];
}

/** The values that are not allowed. `undefined` counts as not given. */
export function violations(settings: Settings, values: Readonly<Record<string, unknown>>): Violation[] {
  return Object.entries(settings)
    .filter(([name, { accepts }]) => values[name] !== undefined && !accepts(values[name]))
    .map(([name, setting]) => violation(name, setting, values[name]));
}

/** Describes one value that is missing or not allowed, with its own reason if there is one. */
export function violation(name: string, setting: Setting, value: unknown, allowed = setting.allowed): Violation {
  return { name, value, allowed: allowed.replaceAll('`', ''), shown: setting.shown };
}

/** The defaults, by name. */
export function defaultsOf(settings: Settings): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(settings).flatMap(([name, setting]) =>
      setting.default === undefined ? [] : [[name, setting.default]],
    ),
  );
}
