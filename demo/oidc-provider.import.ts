/**
 * Imports `oidc-provider` without the line it prints on Node 20: the features used here work there (the tests run on it),
 * and the line would be the first thing a reader of the demo sees. Everything else it has to say is let through.
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
