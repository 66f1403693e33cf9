import { type DemoClient } from './demo-client.js';

/** What the demo prints once it runs: every line beginning with `curl` works when pasted into a shell. */
export function instructions(url: string, { clientId, clientSecret }: DemoClient): string {
  const operation = `${url}/v4.0/cells/connect/token`;
  const json = JSON.stringify({ client_id: clientId, client_secret: clientSecret });
  return `
cells-authority is running on ${url}, in front of a real authorization server. Ctrl-C ends both.

  Client ID      ${clientId}
  Client Secret  ${clientSecret}

Try it in the browser

  ${url}/cells/#/CellsAuthorityController/PostAccessToken

Get a token with the credentials in the query, as published

  curl -X POST '${operation}?client_id=${clientId}&client_secret=${clientSecret}'

in a form, as the SDKs send them

  curl -d grant_type=client_credentials -d client_id=${clientId} -d client_secret=${clientSecret} ${operation}

by HTTP Basic

  curl -X POST -u ${clientId}:${clientSecret} ${operation}

or in JSON

  curl -H 'Content-Type: application/json' -d '${json}' ${operation}
`;
}
