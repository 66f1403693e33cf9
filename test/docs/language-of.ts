/** Short words that only one of these languages has. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  en: ['the', 'and', 'of', 'is', 'with', 'that', 'for', 'you', 'are', 'this', 'when', 'which', 'only'],
  es: ['el', 'los', 'las', 'para', 'por', 'y', 'en', 'es', 'como', 'puede', 'esta', 'cuando', 'solo'],
  fr: ['le', 'les', 'des', 'est', 'et', 'une', 'pour', 'dans', 'avec', 'qui', 'vous', 'du', 'sont'],
  it: ['il', 'di', 'che', 'per', 'gli', 'della', 'nel', 'è', 'con', 'sono', 'alla', 'viene', 'solo'],
  ru: ['и', 'в', 'не', 'на', 'с', 'для', 'если', 'или', 'что', 'это', 'от', 'его', 'по'],
};

/** The language that a text is in, or `undefined` when its short words are not clearly those of one language. */
export function languageOf(text: string): string | undefined {
  const words = text.toLowerCase().match(/\p{L}+/gu) ?? [];
  const [first, second] = Object.entries(WORDS)
    .map(([language, own]) => ({ language, count: words.filter((word) => own.includes(word)).length }))
    .sort((one, other) => other.count - one.count);
  if (first === undefined || second === undefined) return undefined;
  return first.count > words.length / 20 && first.count > 2 * second.count ? first.language : undefined;
}

/** Places where French typography requires a no-break space and the text has an ordinary one, or none. */
export function frenchSpacingMistakes(text: string): string[] {
  return [...text.matchAll(/.{0,20}(?: [:;!?»]|« |«[^\u00a0\u202f]|[^\u00a0\u202f]»|\p{L}[;!?]).{0,20}/gu)].map(
    ([found]) => found,
  );
}
