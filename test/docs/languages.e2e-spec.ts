import { type OpenAPIObject } from '@nestjs/swagger';
import { english } from '../../src/docs/translations/english.js';
import { type Language, LANGUAGES } from '../../src/docs/translations/languages.js';
import { type RunningService, startService } from '../support/service.js';
import { frenchSpacingMistakes, languageOf } from './language-of.js';

const TEXT_MEMBERS = new Set(['title', 'summary', 'description']);
const OTHERS = (Object.keys(LANGUAGES) as Language[]).filter((language) => language !== 'en');
/** Reserved for private use (ISO 639-2): nobody will ever add it. */
const NEVER_ADDED = 'qaa';
const NAMES = Object.keys(english) as (keyof typeof english)[];

describe('the OpenAPI document in five languages', () => {
  let service: RunningService;

  beforeAll(async () => {
    service = await startService({});
  });

  afterAll(() => service.close());

  const fetchDocument = (path: string, acceptLanguage?: string) =>
    fetch(
      service.origin + path,
      acceptLanguage === undefined ? {} : { headers: { 'Accept-Language': acceptLanguage } },
    );
  const inLanguage = async (language: string) =>
    (await (await fetchDocument(`/cells/openapi.json?lang=${language}`)).json()) as OpenAPIObject;

  it('has no English text that the translations do not know', async () => {
    const known = new Set<string>(Object.values(english));
    expect(textsOf(await inLanguage('en')).filter(({ text }) => !known.has(text))).toEqual([]);
  });

  it.each(OTHERS)('%s differs in text, everywhere, and in nothing else', async (language) => {
    const [original, translated] = await Promise.all([inLanguage('en'), inLanguage(language)]);
    expect(withoutTexts(translated)).toEqual(withoutTexts(original));
    const englishTexts = new Set(textsOf(original).map(({ text }) => text));
    const leftInEnglish = textsOf(translated).filter(({ text }) => englishTexts.has(text));
    expect(leftInEnglish).toEqual([]);
  });

  it.each(OTHERS)('%s has a text of its own for each name, ended like the English one', (language) => {
    const { translation } = LANGUAGES[language];
    for (const name of NAMES) {
      const text = translation[name].trim();
      expect({ name, text }).not.toEqual({ name, text: '' });
      expect({ name, ends: text.endsWith('.') }).toEqual({ name, ends: english[name].endsWith('.') });
    }
    expect(new Set(Object.values(translation)).size).toBe(NAMES.length);
  });

  it.each(OTHERS)('%s keeps the names of the protocol as they are', (language) => {
    const { translation } = LANGUAGES[language];
    const names = [
      'Client ID',
      'Client Secret',
      'Aspose',
      'HTTP Basic',
      'client_credentials',
      'Authorization',
      'bearer',
    ];
    for (const name of NAMES) {
      for (const word of names.filter((candidate) => english[name].includes(candidate))) {
        expect(translation[name]).toContain(word);
      }
    }
  });

  it.each(Object.entries(LANGUAGES))('%s is in that language', (language, { translation }) => {
    expect(languageOf(Object.values(translation).join(' '))).toBe(language);
  });

  it('has Russian in Cyrillic, whatever else it holds', () => {
    for (const text of Object.values(LANGUAGES.ru.translation)) expect(text).toMatch(/[а-яё]{3}/i);
  });

  it('is set in French as French is', () => {
    expect(Object.values(LANGUAGES.fr.translation).flatMap(frenchSpacingMistakes)).toEqual([]);
  });

  it.each([
    ['fr', 'fr'],
    ['fr-CA,fr;q=0.9,en;q=0.8', 'fr'],
    [`${NEVER_ADDED}-DE, ${NEVER_ADDED};q=0.9, it;q=0.5`, 'it'],
    ['en;q=0.2, ru;q=0.9', 'ru'],
    ['es;q=0, it;q=0.1', 'it'],
    [NEVER_ADDED, 'en'],
    ['*', 'en'],
    ['', 'en'],
    [';;q=,,q', 'en'],
    ['constructor,__proto__', 'en'],
  ])('Accept-Language: %s gives %s', async (acceptLanguage, language) => {
    const response = await fetchDocument('/cells/openapi.json', acceptLanguage);
    expect(response.headers.get('content-language')).toBe(language);
    expect(response.headers.get('vary')).toMatch(/accept-language/i);
    expect(await response.json()).toEqual(await inLanguage(language));
  });

  it.each([
    ['?lang=ru', 'ru'],
    ['?lang=ES', 'es'],
    ['?lang=it-CH', 'it'],
    [`?lang=${NEVER_ADDED}`, 'fr'],
    ['?lang=fr&lang=ru', 'fr'],
  ])('%s comes before Accept-Language: fr', async (query, language) => {
    const json = await fetchDocument(`/cells/openapi.json${query}`, 'fr');
    expect(json.headers.get('content-language')).toBe(language);
    const yaml = await fetchDocument(`/cells/openapi.yaml${query}`, 'fr');
    expect(yaml.headers.get('content-language')).toBe(language);
    expect(await yaml.text()).toContain(LANGUAGES[language as Language].translation.summary);
  });
});

interface Text {
  readonly at: string;
  readonly text: string;
}

function textsOf(value: unknown, at = ''): Text[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([member, child]: [string, unknown]) => {
    const path = `${at}/${member}`;
    return typeof child === 'string' && TEXT_MEMBERS.has(member) ? [{ at: path, text: child }] : textsOf(child, path);
  });
}

function withoutTexts(document: OpenAPIObject): unknown {
  return JSON.parse(
    JSON.stringify(document, (member, value: unknown) =>
      typeof value === 'string' && TEXT_MEMBERS.has(member) ? '' : value,
    ),
  );
}
