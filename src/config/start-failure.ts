import { namingVariables } from './environment.js';

const PORT_CODES: ReadonlySet<string> = new Set(['EADDRINUSE', 'EACCES']);
const HOST_CODES: ReadonlySet<string> = new Set(['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EINVAL']);

/** The exit code for a wrong setting (EX_CONFIG of sysexits.h): a restart would not help. */
export const CONFIGURATION_ERROR = 78;

/** The exit code for an error after the settings were checked. */
export function exitCodeOf(error: unknown): number {
  const isForbidden = error instanceof Error && 'code' in error && error.code === 'EACCES';
  return isForbidden ? CONFIGURATION_ERROR : 1;
}

/**
 * Why the service could not start, or a command failed. Names the variable to change. Shows no user, password or query
 * of a URL.
 */
export function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return 'could not start';
  return listenFailure(error) ?? withoutUrlSecrets(namingVariables(error.message));
}

/** An error while starting to listen. `variable` names the port's variable if it is not `PORT`. */
type ListenError = Error & { code?: unknown; port?: unknown; syscall?: unknown; variable?: string };

function listenFailure(error: ListenError): string | undefined {
  const code = String(error.code);
  if (error.syscall === 'listen' && PORT_CODES.has(code)) {
    const why = code === 'EACCES' ? 'needs privileges' : 'is taken';
    return `port ${String(error.port)} ${why}; set ${error.variable ?? 'PORT'} to another one`;
  }
  if (/^(?:listen|bind|getaddrinfo)$/.test(String(error.syscall)) && HOST_CODES.has(code)) {
    return `HOST is no address or name of this machine (${code})`;
  }
  return undefined;
}

function withoutUrlSecrets(message: string): string {
  return message.replace(/\/\/[^\s/"]*@/g, '//***@').replace(/(\/\/[^\s?"]*)\?[^\s"]*/g, '$1?***');
}
