import { type english } from './english.js';

/** The texts of the OpenAPI document in another language: each one, or it does not compile. */
export type Translation = Readonly<Record<keyof typeof english, string>>;
