/** What the example hosts read from their environment. */
export interface HostEnvironment {
  readonly ASPOSE_CLIENT_ID: string;
  readonly ASPOSE_CLIENT_SECRET: string;
  /** `https://api.aspose.cloud/connect/token`, but for tests. */
  readonly ASPOSE_TOKEN_URL: string;
  /** `https://api.aspose.cloud`, but for tests. */
  readonly ASPOSE_API: string;
}
