/**
 * Imports `oidc-provider` without the warning that it prints on Node 20: the features used here work there (the tests
 * run on it), and the warning would be the first line of the demo. All its other output is shown.
 */
export async function importOidcProvider() {
  const warn = console.warn;
  console.warn = (...lines: unknown[]) => {
    if (!String(lines[0]).includes('Unsupported runtime')) warn(...lines);
  };
  try {
    return await import('oidc-provider');
  } finally {
    console.warn = warn;
  }
}
