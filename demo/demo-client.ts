/** A client that the demo authorization server knows. */
export interface DemoClient {
  readonly clientId: string;
  readonly clientSecret: string;
}

/** Looks like Aspose's credentials: a UUID, and 32 hexadecimal digits. Useless anywhere else. */
export const demoClient: DemoClient = {
  clientId: '3f5a7c1e-9b2d-4e6f-8a10-5c7d9e1f2b34',
  clientSecret: '0f1e2d3c4b5a69788796a5b4c3d2e1f0',
};
