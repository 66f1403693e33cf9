import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import helmet from 'helmet';

/** What helmet sends without any options, names in lower case. */
export function helmetDefaultsExcept(...names: readonly string[]): Record<string, string> {
  const sent = new Map<string, string>();
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  response.setHeader = (name, value) => {
    sent.set(name.toLowerCase(), String(value));
    return response;
  };
  helmet()(response.req, response, () => undefined);
  for (const name of names) sent.delete(name);
  return Object.fromEntries(sent);
}
