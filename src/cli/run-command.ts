import 'reflect-metadata';
import { environmentSource } from '../config/environment-source.js';
import { type Environment, maskedEnvironment, readEnvironment } from '../config/environment.js';
import { CONFIGURATION_ERROR, describeFailure } from '../config/start-failure.js';
import { printFingerprint } from './print-fingerprint.js';
import { printToken } from './print-token.js';
import { usage } from './usage.js';

/** What the commands need from the program around them. */
export interface CommandContext {
  /** Runs the service, which ends the process itself. */
  start(): Promise<void>;
  readonly version: string;
}

/** Runs one command. @returns the exit code: 0, 1 for a failure, 2 for an unknown command, 78 for a wrong setting. */
export async function runCommand(
  [command = 'start', ...rest]: readonly string[],
  context: CommandContext,
): Promise<number> {
  if (rest.length > (command === 'fingerprint' ? 1 : 0)) return refuse('too many arguments');
  switch (command) {
    case 'start':
      await context.start();
      return exitCode();
    case '-h':
    case '--help':
      process.stdout.write(usage());
      return 0;
    case '-v':
    case '--version':
      process.stdout.write(`${context.version}\n`);
      return 0;
    case '--print-config':
      return withEnvironment((environment) => {
        process.stdout.write(`${JSON.stringify(maskedEnvironment(environment), undefined, 2)}\n`);
      });
    case 'token':
      return withEnvironment(printToken);
    case 'fingerprint':
      return withEnvironment((environment) => {
        printFingerprint(environment, rest[0]);
      });
    default:
      return refuse('no such command');
  }
}

/** Set by the service if it could not start. */
function exitCode(): number {
  return Number(process.exitCode ?? 0);
}

async function withEnvironment(run: (environment: Environment) => void | Promise<void>): Promise<number> {
  let environment: Environment;
  try {
    environment = readEnvironment(environmentSource());
  } catch (error) {
    return failed(error, CONFIGURATION_ERROR);
  }
  try {
    await run(environment);
    return 0;
  } catch (error) {
    return failed(error, 1);
  }
}

function failed(error: unknown, exitCode: number): number {
  process.stderr.write(`cells-authority: ${describeFailure(error)}\n`);
  return exitCode;
}

function refuse(reason: string): number {
  process.stderr.write(`cells-authority: ${reason}; see cells-authority --help\n`);
  return 2;
}
