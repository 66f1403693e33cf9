import { invalidRequest } from '../errors/oauth-errors.js';

/** The parameters of a token request by their RFC 6749 names; an empty one counts as absent (§3.2). */
export interface TokenParameters {
  grant_type?: string;
  client_id?: string;
  client_secret?: string;
  scope?: string;
}

type ParameterName = keyof TokenParameters;

const NAMES: ReadonlyMap<string, ParameterName> = new Map<string, ParameterName>([
  ['client_id', 'client_id'],
  ['client_secret', 'client_secret'],
  ['grant_type', 'grant_type'],
  ['scope', 'scope'],
]);

const FOLDED_NAMES: ReadonlyMap<string, ParameterName> = new Map(
  [...NAMES].map(([name, parameter]) => [fold(name), parameter]),
);

/** The published operation writes "Client ID" where the SDKs write client_id: letter case, spaces, _ and - are alike. */
function fold(name: string): string {
  return name.toLowerCase().replace(/[\s_-]/g, '');
}

/** Collects the parameters of one source, refusing repeats across all spellings (RFC 6749 §3.2). */
export class ParameterCollector {
  readonly parameters: TokenParameters = {};
  readonly #seen = new Set<ParameterName>();

  add(name: string, value: unknown): void {
    const parameter = NAMES.get(name) ?? FOLDED_NAMES.get(fold(name));
    if (parameter === undefined) return;
    if (this.#seen.has(parameter)) throw invalidRequest(`${parameter} is repeated`);
    this.#seen.add(parameter);
    if (typeof value !== 'string') throw invalidRequest(`${parameter} must be a string`);
    if (value !== '') this.parameters[parameter] = value;
  }

  has(parameter: ParameterName): boolean {
    return this.#seen.has(parameter);
  }
}
