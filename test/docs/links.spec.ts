import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { MARKDOWN_FILES, prose, readMarkdown, ROOT } from './markdown.js';

interface Link {
  readonly file: string;
  readonly target: string;
}

const links: Link[] = MARKDOWN_FILES.flatMap((file) =>
  [...prose(file).matchAll(/\]\(([^)\s]+)[^)]*\)|(?:src|href)="([^"]+)"/g)].map(([, inText, inHtml]) => ({
    file,
    target: inText ?? inHtml ?? '',
  })),
);

/** As GitHub makes them. */
function anchorsOf(file: string): string[] {
  return [...readMarkdown(file).matchAll(/^#{1,6} +(.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-'),
  );
}

describe('the links of README and documentation', () => {
  it('lead to files that exist, and to headings in them', () => {
    const local = links.filter(({ target }) => !/^[a-z]+:/.test(target));
    expect(local.length).toBeGreaterThan(10);
    const broken = local.filter(({ file, target }) => {
      const [path = '', anchor] = target.split('#');
      const linked = path === '' ? file : normalize(join(dirname(file), path));
      if (!existsSync(join(ROOT, linked))) return true;
      return anchor !== undefined && !anchorsOf(linked).includes(decodeURIComponent(anchor));
    });
    expect(broken).toEqual([]);
  });

  it('go elsewhere by HTTPS, or to the demo', () => {
    const away = links.filter(({ target }) => /^[a-z]+:/.test(target));
    const wrong = away.filter(({ target }) => !/^https:\/\/\S+$|^http:\/\/127\.0\.0\.1:3000\//.test(target));
    expect(wrong).toEqual([]);
  });
});
