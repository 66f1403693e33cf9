#!/usr/bin/env node
import 'reflect-metadata';
import { fileURLToPath } from 'node:url';
import { runCommand } from './cli/run-command.js';

process.exitCode = await runCommand(process.argv.slice(2), {
  packageFolder: fileURLToPath(new URL('..', import.meta.url)),
  start: async () => {
    await import('./main.js');
  },
});
