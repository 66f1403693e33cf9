/**
 * Runs the unit tests and the built service on each Node.js that the project supports, and on the newest: what Node or V8
 * has taken away, such as a flag of `npm start`, shows here first. npm has the binaries, and keeps them in its cache.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';

const VERSIONS = ['20', '22', '24', 'latest'];
/** For a whole smoke: it takes a second or two, and CI machines are busy. */
const SMOKE_LIMIT_MS = 60_000;
const TOKEN = { access_token: 'token-of-the-stand-in', expires_in: 86_400, token_type: 'Bearer' };

const [, ...startArguments] = JSON.parse(readFileSync('package.json', 'utf8')).scripts.start.split(' ');
const failed = [];
for (const version of VERSIONS) {
  const started = performance.now();
  const node = binaryOf(version);
  console.log(`\n-- Node.js ${version}: ${execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()}`);
  try {
    await smoke(node);
    await unitTests(node);
    console.log(`passed in ${Math.round((performance.now() - started) / 1000)} s`);
  } catch (error) {
    failed.push(version);
    console.log(`FAILED: ${error.message}`);
  }
}
if (failed.length > 0) {
  console.error(`\nNot fit for Node.js ${failed.join(', ')}`);
  process.exitCode = 1;
}

function binaryOf(version) {
  const parameters = ['exec', '--yes', `--package=node@${version}`, '--', 'node', '--print', 'process.execPath'];
  return execFileSync('npm', parameters, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();
}

/** The service as `npm start` runs it: a token, its health, a stop. Whatever it writes to stderr is a warning of Node's. */
async function smoke(node) {
  const upstream = createServer((_, response) => {
    response.setHeader('Content-Type', 'application/json').end(JSON.stringify(TOKEN));
  }).listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const service = spawn(node, startArguments, {
    env: {
      PATH: process.env.PATH,
      PORT: '0',
      SHUTDOWN_NOTICE_MS: '0',
      UPSTREAM_TOKEN_URL: `http://127.0.0.1:${upstream.address().port}/connect/token`,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const limit = setTimeout(() => service.kill('SIGKILL'), SMOKE_LIMIT_MS);
  const exited = once(service, 'exit');
  const warnings = text(service.stderr);
  try {
    const origin = await originOf(service);
    const answer = await fetch(`${origin}/v4.0/cells/connect/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: 'smoke',
        client_secret: 'of-the-smoke',
      }),
    });
    same('the token', (await answer.json()).access_token, TOKEN.access_token);
    same('/health/live', (await fetch(`${origin}/health/live`)).status, 200);
    service.kill('SIGTERM');
    same('exit code and signal', (await exited).join(), '0,');
    same('stderr', await warnings, '');
  } catch (error) {
    service.kill('SIGKILL');
    throw new Error(`the service: ${error.message}\n${await warnings}`, { cause: error });
  } finally {
    clearTimeout(limit);
    upstream.closeAllConnections();
    upstream.close();
  }
  console.log('the service starts with the flags of npm start, gets a token, is alive, and ends with 0');
}

async function originOf(service) {
  for await (const line of createInterface({ input: service.stdout })) {
    const url = /"url":"([^"]+)"/.exec(line)?.[1];
    if (url === undefined) continue;
    // Its further lines are not to fill the pipe.
    service.stdout.resume();
    return url;
  }
  throw new Error('it ended before it listened');
}

async function unitTests(node) {
  const jest = spawn(node, ['node_modules/jest/bin/jest.js', 'src', '--reporters=summary'], {
    stdio: 'inherit',
  });
  same('exit code of the unit tests', (await once(jest, 'exit')).join(), '0,');
}

function same(what, found, expected) {
  if (found !== expected) throw new Error(`${what}: ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`);
}
