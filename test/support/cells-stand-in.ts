import { type CellsApi, type CellsApiAddresses, type CellsApiOptions } from '../../demo/cells-api.js';
import { startDemoProcess } from './demo-process.js';

export interface CellsStandIn extends CellsApi {
  /** From now on it answers 401 to this token. */
  revoke(token: string): Promise<void>;
}

/** The demo's stand-in of the Cells API, as a process: it checks every bearer and keeps what is uploaded. */
export async function startCellsStandIn({ issuer, jwksUrl }: Omit<CellsApiOptions, 'port'>): Promise<CellsStandIn> {
  const { addresses, close } = await startDemoProcess<CellsApiAddresses>('demo/cells-api.process.ts', {
    CELLS_API_OPTIONS: JSON.stringify({ issuer, jwksUrl }),
  });
  return {
    ...addresses,
    close,
    revoke: async (token) => {
      const body = new URLSearchParams({ token });
      const { ok } = await fetch(addresses.revocationUrl, { method: 'POST', body });
      if (!ok) throw new Error('the token was not revoked');
    },
  };
}
