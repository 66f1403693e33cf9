import {
  AUTHORITY_SETTINGS,
  defaultsOf,
  optionViolations,
  type Settings,
  type ValuesOf,
  violation,
  type Violation,
  violations,
} from '../cells-authority/internal.js';
import { withSecretFiles } from './secret-files.js';
import { listOf, PAIRS, SERVICE_SETTINGS } from './service-settings.js';

/** The service's environment, typed and validated; every variable is optional. */
export type Environment = ValuesOf<typeof SERVICE_SETTINGS> & {
  /** The variables that are options of the module. */
  readonly authority: ValuesOf<typeof AUTHORITY_SETTINGS>;
};

/** A key that was pasted into the wrong variable is longer than this, so it is not quoted. */
const LONGEST_QUOTE = 60;

/** Where variables are read from, such as `process.env`. */
export type EnvironmentSource = Readonly<Record<string, string | undefined>>;

const OPTION_NAMES: ReadonlyMap<string, string> = new Map(
  Object.keys(AUTHORITY_SETTINGS).map((option) => [variableOf(option), option]),
);

/** All variables by name. The module's options keep their names: `upstreamCaFile` is `UPSTREAM_CA_FILE`. */
export const ENVIRONMENT_SETTINGS: Settings = {
  ...SERVICE_SETTINGS,
  ...Object.fromEntries(Object.entries(AUTHORITY_SETTINGS).map(([option, setting]) => [variableOf(option), setting])),
};

/** Variables that can also be given as a file, by a variable with `_FILE` after the name. */
export const SECRET_VARIABLES: readonly string[] = Object.entries(ENVIRONMENT_SETTINGS)
  .filter(([, { shown }]) => shown === 'never')
  .map(([name]) => name);

/**
 * Reads the variables from an environment. An empty one counts as not set.
 *
 * @throws Error that names each wrong variable, its value (unless it may be secret) and what is allowed.
 */
export function readEnvironment(variables: EnvironmentSource): Environment {
  const source = withSecretFiles(variables, SECRET_VARIABLES);
  const own = given(SERVICE_SETTINGS, source, (name) => name);
  const options = given(AUTHORITY_SETTINGS, source, variableOf);
  const wrong = [...violations(SERVICE_SETTINGS, own), ...missingHalves(own), ...optionViolations(options)];
  if (wrong.length > 0) throw new Error(wrong.map(describe).join('\n'));
  // Checked above, and complete because the defaults are applied.
  const environment: unknown = {
    ...defaultsOf(SERVICE_SETTINGS),
    ...own,
    authority: { ...defaultsOf(AUTHORITY_SETTINGS), ...options },
  };
  return environment as Environment;
}

/** The effective configuration, fit to be shown: of secrets it only says that they are set. */
export function maskedEnvironment({ authority, ...own }: Environment): Record<string, unknown> {
  const values: Readonly<Record<string, unknown>> = { ...own, ...authority };
  return Object.fromEntries(
    Object.entries(ENVIRONMENT_SETTINGS).map(([name, { shown }]) => {
      const value = values[OPTION_NAMES.get(name) ?? name] ?? null;
      if (value === null || shown === 'whole') return [name, value];
      return [name, shown === 'never' || typeof value !== 'string' ? '***' : value.replace(/\?.*/, '?***')];
    }),
  );
}

/** Where requests go, for the log: only origins, so the proxy's user and password are left out. */
export function destinations({ authority, CELLS_API_URL }: Environment): Record<string, string> {
  const { upstreamTokenUrl, upstreamProxyUrl } = authority;
  const origin = (url: string) => originsOf(url) ?? '';
  return {
    tokens: origin(upstreamTokenUrl),
    cellsApi: CELLS_API_URL === 'off' ? 'off' : origin(CELLS_API_URL),
    proxy: upstreamProxyUrl === undefined ? 'none' : origin(upstreamProxyUrl),
  };
}

/** Replaces the names of the module's options in a text by those of the variables. */
export function namingVariables(text: string): string {
  return text
    .replace(/^CellsAuthorityModule: /, '')
    .replace(/\b[a-z]+[A-Z]\w*/g, (word) => (Object.hasOwn(AUTHORITY_SETTINGS, word) ? variableOf(word) : word));
}

function variableOf(option: string): string {
  return option.replace(/[A-Z]/g, '_$&').toUpperCase();
}

function given(
  settings: Settings,
  source: EnvironmentSource,
  variable: (name: string) => string,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(settings).flatMap(([name, { fromText }]) => {
      const value = source[variable(name)]?.trim();
      return value === undefined || value === '' ? [] : [[name, fromText(value)]];
    }),
  );
}

function missingHalves(own: Readonly<Record<string, unknown>>): Violation[] {
  return PAIRS.flatMap((pair) => {
    const missing = pair.filter((name) => own[name] === undefined);
    return missing.length === 1 ? missing.map((name) => violation(name, SERVICE_SETTINGS[name], undefined)) : [];
  });
}

function describe({ name, value, allowed, shown }: Violation): string {
  const was =
    value === undefined ? 'is missing' : whatItWas(typeof value === 'string' ? value : JSON.stringify(value), shown);
  return `${namingVariables(name)} ${was}; allowed: ${namingVariables(allowed)}`;
}

function whatItWas(value: string, shown: Violation['shown']): string {
  const text = shown === 'never' ? undefined : shown === 'origin' || /@|:\/\//.test(value) ? originsOf(value) : value;
  return text === undefined || text.length > LONGEST_QUOTE ? 'is not valid' : `is "${text}"`;
}

/** The origins in a list of URLs, without any secrets; `undefined` if one of them is not a URL. */
function originsOf(list: string): string | undefined {
  const urls = listOf(list);
  if (!urls.every((url) => URL.canParse(url))) return undefined;
  const origins = urls.map((url) => new URL(url)).map(({ protocol, host }) => `${protocol}//${host}`);
  return origins.join(', ');
}
