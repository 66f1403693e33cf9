import { OPERATION_TEXTS } from '../../cells-authority/internal.js';

/** Every text of the OpenAPI document; the operation's own are the library's. */
export const english = {
  ...OPERATION_TEXTS,
  title: 'Aspose.Cells Cloud token service',
  description: 'Access tokens for Aspose.Cells Cloud: reused, renewed before they expire, and protected from bans.',
  basicScheme: 'Client ID as the user name, Client Secret as the password.',
} as const;

/** The texts of the OpenAPI document in another language: each one, or it does not compile. */
export type Translation = Readonly<Record<keyof typeof english, string>>;
