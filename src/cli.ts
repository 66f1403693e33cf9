#!/usr/bin/env node
import { packageVersion } from './config/package-version.js';

const command = process.argv.slice(2);
if (command.length === 1 && command[0] === 'health') {
  // A probe runs every few seconds, so it loads only what it needs.
  const { checkHealth } = await import('./cli/check-health.js');
  process.exitCode = await checkHealth();
} else {
  const { runCommand } = await import('./cli/run-command.js');
  process.exitCode = await runCommand(command, {
    version: packageVersion(import.meta.url),
    start: async () => {
      await import('./main.js');
    },
  });
}
