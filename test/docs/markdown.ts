import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const ROOT = resolve(__dirname, '..', '..');

/** README and all the rest, by their path from the project's folder. */
export const MARKDOWN_FILES: readonly string[] = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
  'bench/README.md',
  'deploy/README.md',
];

export interface CodeBlock {
  readonly file: string;
  /** Of its opening fence, from 1. */
  readonly line: number;
  /** What follows the fence, such as `sh`. */
  readonly language: string;
  readonly code: string;
  /** The second-level heading above it, such as `Errors`. */
  readonly section: string;
}

export function readMarkdown(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

/** The fenced code blocks of a file. */
export function codeBlocks(file: string): CodeBlock[] {
  const text = readMarkdown(file);
  return [...text.matchAll(/^( *)```(\S+)[^\n]*\n([\s\S]*?)^ *```$/gm)].map((match) => {
    const [, indent = '', language = '', code = ''] = match;
    const above = text.slice(0, match.index);
    const [, section = ''] = /^[^]*^## (.+)$/m.exec(withoutCode(above)) ?? [];
    return {
      file,
      line: above.split('\n').length,
      language,
      code: code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
      section,
    };
  });
}

/** The text without its code. */
export function prose(file: string): string {
  return withoutCode(readMarkdown(file)).replace(/`[^`\n]*`/g, '`code`');
}

function withoutCode(text: string): string {
  return text.replace(/^ *```[\s\S]*?^ *```$/gm, '');
}
