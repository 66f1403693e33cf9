import { type english, english as source } from './english.js';
import { type Translation } from './english.js';

const TEXT_MEMBERS: ReadonlySet<string> = new Set(['title', 'summary', 'description']);
const NAMES: ReadonlyMap<string, keyof typeof english> = new Map(
  Object.entries(source).map(([name, text]) => [text, name as keyof typeof english]),
);

/** The same document with its titles, summaries and descriptions in another language; nothing else differs. */
export function translateDocument<Document extends object>(document: Document, translation: Translation): Document {
  return JSON.parse(
    JSON.stringify(document, function (this: unknown, member: string, value: unknown) {
      if (typeof value !== 'string' || !TEXT_MEMBERS.has(member)) return value;
      const name = NAMES.get(value);
      return name === undefined ? value : translation[name];
    }),
  ) as Document;
}
