#!/usr/bin/env node
import 'reflect-metadata';
import { runCommand } from './cli/run-command.js';
import { packageVersion } from './config/package-version.js';

process.exitCode = await runCommand(process.argv.slice(2), {
  version: packageVersion(import.meta.url),
  start: async () => {
    await import('./main.js');
  },
});
