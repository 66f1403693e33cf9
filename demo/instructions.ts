import { type DemoClient } from './demo-client.js';

/** What the demo prints once it runs. The lines can be pasted into a shell in order, the last ones into node. */
export function instructions(url: string, { clientId, clientSecret }: DemoClient): string {
  const operation = `${url}/v4.0/cells/connect/token`;
  const file = `${url}/v4.0/cells/storage/file`;
  const json = JSON.stringify({ client_id: clientId, client_secret: clientSecret });
  return `
cells-authority is running on ${url}, in front of a real authorization server and a stand-in
of the Cells API. Ctrl-C ends them all.

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

Upload a file through the gateway, and get it back

  TOKEN=$(curl -s -d client_id=${clientId} -d client_secret=${clientSecret} ${operation} | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')
  curl -X PUT -H "Authorization: Bearer $TOKEN" -F file=@LICENSE ${file}/LICENSE
  curl -H "Authorization: Bearer $TOKEN" ${file}/LICENSE

The same with the official Node SDK, which is told this base URL and nothing else

  ${sdkLines(url, clientId, clientSecret).join('\n  ')}
`;
}

/** For `node`, in the project's folder. */
function sdkLines(url: string, clientId: string, clientSecret: string): string[] {
  return [
    "const { CellsApi, UploadFileRequest, DownloadFileRequest } = (await import('asposecellscloud')).default;",
    `const cells = new CellsApi('${clientId}', '${clientSecret}', 'v3.0', '${url}');`,
    "await cells.uploadFile(new UploadFileRequest({ path: 'LICENSE', uploadFiles: 'LICENSE' }));",
    "const { body } = await cells.downloadFile(new DownloadFileRequest({ path: 'LICENSE' }));",
    'console.log(body);',
  ];
}
