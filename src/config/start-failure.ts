import { namingVariables } from './environment.js';

const PORT_CODES: ReadonlySet<string> = new Set(['EADDRINUSE', 'EACCES']);
const HOST_CODES: ReadonlySet<string> = new Set(['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EINVAL']);

/**
 * Why the service could not start, or a command not be carried out: names the variable to change, and shows of a URL
 * neither user nor password nor query.
 */
export function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return 'could not start';
  return listenFailure(error) ?? withoutUrlSecrets(namingVariables(error.message));
}

function listenFailure(error: Error & { code?: unknown; port?: unknown; syscall?: unknown }): string | undefined {
  const code = String(error.code);
  if (error.syscall === 'listen' && PORT_CODES.has(code)) {
    const why = code === 'EACCES' ? 'needs privileges' : 'is taken';
    return `port ${String(error.port)} ${why}; set PORT to another one`;
  }
  if (/^(?:listen|bind|getaddrinfo)$/.test(String(error.syscall)) && HOST_CODES.has(code)) {
    return `HOST is no address or name of this machine (${code})`;
  }
  return undefined;
}

function withoutUrlSecrets(message: string): string {
  return message.replace(/\/\/[^\s/"]*@/g, '//***@').replace(/(\/\/[^\s?"]*)\?[^\s"]*/g, '$1?***');
}
