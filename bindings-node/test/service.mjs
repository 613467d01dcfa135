// What the tests talk to: the sandbox program, a server of one's own for what that does not do, and programs as processes.
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

export const ANSWER = {
  id: 'run_1',
  kit: 'text-gen',
  status: 'completed',
  output: { text: 'hi' },
  usage: { input_tokens: 1, output_tokens: 1, total_tokens: 2 },
  latency_ms: 3,
};

/** The sandbox, until the tests of the file end: its options for a client, and its environment for a program. */
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
 * A server that answers each request with what `answer` gives: `{ status, headers, body }`, or nothing, to stay silent.
 * `requests` has what it read, `closed` the connections that were closed before they were answered.
 */
export async function server(answer = () => ({ body: ANSWER })) {
  const requests = [];
  const closed = { count: 0 };
  const listener = createServer(async (request, response) => {
    let body = '';
    response.on('close', () => {
      closed.count += response.writableFinished ? 0 : 1;
    });
    // A letter may be cut in two by the end of a part.
    request.setEncoding('utf8');
    for await (const part of request) {
      body += part;
    }
    requests.push({ headers: request.headers, body: body === '' ? undefined : JSON.parse(body) });
    const { status = 200, headers = {}, body: text } = answer(requests.length) ?? {};
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

/** Runs a program of JavaScript, and gives its exit code, signal and output. It must end in time. */
export async function program(source, { env = {}, args = [], flags = [], cwd = PACKAGE, kill } = {}) {
  const child = spawn(process.execPath, [...flags, '--input-type=module', '--eval', source, ...args], {
    env: { ...process.env, ...env },
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return finished(child, kill);
}

/** Runs a file. */
export async function file(path, { env = {}, args = [] } = {}) {
  const child = spawn(process.execPath, [path, ...args], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  return finished(child);
}

async function finished(child, kill) {
  const seen = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8');
    child[name].on('data', (text) => {
      seen[name] += text;
      if (kill !== undefined && name === 'stdout') {
        child.kill(kill);
      }
    });
  }
  const late = setTimeout(() => child.kill('SIGKILL'), 120_000);
  const [code, signal] = await once(child, 'close');
  clearTimeout(late);
  return { code, signal, ...seen };
}

/** Waits until `holds`; the test's own limit of time ends it. */
export async function until(holds) {
  while (!holds()) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
