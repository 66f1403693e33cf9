import { HttpService } from '@nestjs/axios';
import axios from 'axios';
import { type ConnectionPool } from './connection-pool.js';
import { undiciAdapter } from './undici-adapter.js';

/**
 * An `HttpService` of its own that sends through the connection pool. None of axios' defaults has a part in a token
 * request (parsing, XSRF, environment), and merging them into every request would cost three times the request itself.
 */
export function tokenHttpService(pool: ConnectionPool): HttpService {
  const instance = axios.create();
  for (const name of Object.keys(instance.defaults)) Reflect.deleteProperty(instance.defaults, name);
  Object.assign(instance.defaults, { adapter: undiciAdapter(pool) });
  return new HttpService(instance);
}
