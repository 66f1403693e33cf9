import { type CellsApiOptions, startCellsApi } from './cells-api.js';

/**
 * The stand-in of the Cells API as a process of its own: prints its addresses as one line of JSON once it listens, ends
 * on SIGTERM, on SIGINT, and with the process that forked it. Its options are JSON in `CELLS_API_OPTIONS`.
 */
const api = await startCellsApi(JSON.parse(process.env.CELLS_API_OPTIONS ?? '{}') as CellsApiOptions);

// Exits at once: nothing else is worth waiting for, and the fork's channel would keep the process alive.
const end = () => void api.close().then(() => process.exit(0));
process.once('SIGTERM', end).once('SIGINT', end).once('disconnect', end);

console.log(JSON.stringify(api));
