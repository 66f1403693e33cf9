import { type Environment, ENVIRONMENT_NAMES, SECRET_NAMES } from './environment.js';

/** The effective configuration as it may be shown: of secrets, that they are set and no more. */
export function maskedEnvironment(environment: Environment): Record<string, unknown> {
  return Object.fromEntries(
    ENVIRONMENT_NAMES.map((name) => {
      const value = environment[name] ?? null;
      if (value !== null && SECRET_NAMES.has(name)) return [name, '***'];
      return [name, name === 'UPSTREAM_TOKEN_URL' ? String(value).replace(/\?.*/, '?***') : value];
    }),
  );
}
