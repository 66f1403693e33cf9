import { english } from './english.js';
import { french } from './french.js';
import { italian } from './italian.js';
import { russian } from './russian.js';
import { spanish } from './spanish.js';
import { type Translation } from './english.js';

/** The languages of the document, by their BCP 47 tag, in the order in which they are offered. */
export const LANGUAGES = {
  en: { name: 'English', translation: english },
  es: { name: 'Español', translation: spanish },
  fr: { name: 'Français', translation: french },
  it: { name: 'Italiano', translation: italian },
  ru: { name: 'Русский', translation: russian },
} as const satisfies Record<string, { name: string; translation: Translation }>;

export type Language = keyof typeof LANGUAGES;

/** The language asked for by name (`?lang=fr`), or else the best of Accept-Language (RFC 9110 §12.5.4), or English. */
export function negotiateLanguage(asked: unknown, acceptLanguage = ''): Language {
  const wishes = typeof asked === 'string' ? [asked] : [];
  return [...wishes, ...byPreference(acceptLanguage)].map(offered).find((language) => language !== undefined) ?? 'en';
}

function offered(tag: string): Language | undefined {
  const primary = tag.trim().toLowerCase().split('-')[0] ?? '';
  return isLanguage(primary) ? primary : undefined;
}

function isLanguage(tag: string): tag is Language {
  return Object.hasOwn(LANGUAGES, tag);
}

function byPreference(acceptLanguage: string): string[] {
  return acceptLanguage
    .split(',')
    .map((range) => {
      const [tag = '', ...parameters] = range.split(';');
      const quality = parameters.map((parameter) => /^\s*q=([\d.]+)\s*$/i.exec(parameter)?.[1]).find(Boolean) ?? '1';
      return { tag, quality: Number(quality) };
    })
    .filter(({ quality }) => quality > 0)
    .sort((one, other) => other.quality - one.quality)
    .map(({ tag }) => tag);
}
