// What the tests talk to: the sandbox, a scripted server for what the sandbox does not do, and programs as child processes.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after } from 'node:test';

export const ROOT = join(import.meta.dirname, '..', '..');
export const PACKAGE = join(ROOT, 'bindings-node');
export const KEY = 'bak_canary_4711';

for (const name of Object.keys(process.env)) {
  if (name.startsWith('BUILDERAIKITS_') || /_proxy$/i.test(name)) {
    delete process.env[name];
  }
}

export const RUN = {
  id: 'run_1',
  kit: 'text-gen',
  status: 'completed',
  output: { text: 'hi' },
  usage: { input_tokens: 1, output_tokens: 1, total_tokens: 2 },
  latency_ms: 3,
};

/** Starts the sandbox for the tests of a file. Returns options for a client, and the environment for a program. */
export async function sandbox(...flags) {
  const target = join(ROOT, process.env.CARGO_TARGET_DIR ?? 'target');
  const child = spawn(join(target, 'debug', 'builderaikits-sandbox'), ['--port', '0', ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  after(() => child.kill());
  const [line] = await once(createInterface(child.stdout), 'line');
  const baseURL = line.split(' ').at(-1);
  return { options: { apiKey: KEY, baseURL }, env: { BUILDERAIKITS_API_KEY: KEY, BUILDERAIKITS_BASE_URL: baseURL } };
}

/**
 * Starts a server that sends what `respond` returns for each request: `{ status, headers, body }`, or undefined to send
 * nothing. `requests` has the requests received, `closed` counts the connections that were closed before their response.
 */
export async function server(respond = () => ({ body: RUN })) {
  const requests = [];
  const closed = { count: 0 };
  const listener = createServer(async (request, response) => {
    let body = '';
    response.on('close', () => {
      closed.count += response.writableFinished ? 0 : 1;
    });
    // A chunk may end inside a character.
    request.setEncoding('utf8');
    for await (const chunk of request) {
      body += chunk;
    }
    requests.push({ headers: request.headers, body: body === '' ? undefined : JSON.parse(body) });
    const { status = 200, headers = {}, body: text } = respond(requests.length) ?? {};
    if (text !== undefined) {
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(typeof text === 'string' || Buffer.isBuffer(text) ? text : JSON.stringify(text));
    }
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  after(() => {
    listener.close();
    listener.closeAllConnections();
  });
  const baseURL = `http://127.0.0.1:${listener.address().port}/v1`;
  return { requests, closed, options: { apiKey: KEY, baseURL }, env: { BUILDERAIKITS_API_KEY: KEY, BUILDERAIKITS_BASE_URL: baseURL } };
}

/** Runs JavaScript source as a program. Returns its exit code, signal and output. Kills it if it does not end. */
export async function program(source, { env = {}, args = [], flags = [], cwd = PACKAGE, kill } = {}) {
  const child = spawn(process.execPath, [...flags, '--input-type=module', '--eval', source, ...args], {
    env: { ...process.env, ...env },
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return finished(child, kill);
}

/** Runs a file as a program. */
export async function file(path, { env = {}, args = [] } = {}) {
  const child = spawn(process.execPath, [path, ...args], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  return finished(child);
}

async function finished(child, kill) {
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8');
    child[name].on('data', (text) => {
      output[name] += text;
      if (kill !== undefined && name === 'stdout') {
        child.kill(kill);
      }
    });
  }
  const timeout = setTimeout(() => child.kill('SIGKILL'), 120_000);
  const [code, signal] = await once(child, 'close');
  clearTimeout(timeout);
  return { code, signal, ...output };
}

/** Waits until the condition is true, and fails after 30 s. */
export async function waitUntil(condition) {
  const deadline = Date.now() + 30_000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, `never true: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
