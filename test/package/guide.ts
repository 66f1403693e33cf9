import { codeBlocks } from '../docs/markdown.js';

/** The files that the guide prints, by the path in their first line: `// src/main.ts`. */
export function filesOfTheGuide(): ReadonlyMap<string, string> {
  return new Map(
    codeBlocks('docs/module.md').flatMap(({ code }): [string, string][] => {
      const [, path, text] = /^\/\/ (\S+\/\S+)\n([^]*)$/.exec(code) ?? [];
      return path === undefined || text === undefined ? [] : [[path, text]];
    }),
  );
}
