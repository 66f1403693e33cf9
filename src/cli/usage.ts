import { ENVIRONMENT_SETTINGS } from '../config/environment.js';

const WIDTH = 100;

/** What `--help` prints. */
export function usage(): string {
  return `cells-authority: tokens for Aspose.Cells Cloud

Usage:
  cells-authority [start]        run the service
  cells-authority token          print an access token for ASPOSE_CLIENT_ID and ASPOSE_CLIENT_SECRET
  cells-authority fingerprint ID print what stands for a Client ID in log lines (needs TOKEN_CACHE_SECRET)
  cells-authority health         exit with 0 if the service that runs here with these settings is alive
  cells-authority --print-config print the effective configuration as JSON, secrets masked
  cells-authority --version      print the version
  cells-authority --help         print this

Everything is set by environment variables, or a file .env in the current folder; all are optional.

${Object.entries(ENVIRONMENT_SETTINGS)
  .map(([name, { means, default: value }]) => variable(name, means, value))
  .join('\n')}

Exit codes: 0; 1 when it failed; 2 when there is no such command; 78 for a wrong setting.
`;
}

/** Such as `  PORT      0 takes any free port (3000)`, with further lines indented. */
function variable(name: string, means: string, value: string | number | undefined): string {
  const words = `${means.replaceAll('`', '')}${value === undefined ? '' : ` (${value})`}`.split(' ');
  const lines: string[] = [];
  let line = `  ${name.padEnd(30)}`;
  for (const word of words) {
    if (line.length + word.length >= WIDTH) {
      lines.push(line);
      line = ' '.repeat(32);
    }
    line += ` ${word}`;
  }
  return [...lines, line].join('\n');
}
