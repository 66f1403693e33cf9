import { type AuthorizationServerOptions, startAuthorizationServer } from './authorization-server.js';

/**
 * The demo authorization server as a process of its own: prints its addresses as one line of JSON once it listens, ends
 * on SIGTERM, on SIGINT, and with the process that forked it. Its options are JSON in `AUTHORIZATION_SERVER_OPTIONS`.
 */
const options = JSON.parse(process.env.AUTHORIZATION_SERVER_OPTIONS ?? '{}') as AuthorizationServerOptions;
const server = await startAuthorizationServer(options);

// Exits at once: nothing else is worth waiting for, and the fork's channel would keep the process alive.
const end = () => void server.close().then(() => process.exit(0));
process.once('SIGTERM', end).once('SIGINT', end).once('disconnect', end);

console.log(JSON.stringify(server));
