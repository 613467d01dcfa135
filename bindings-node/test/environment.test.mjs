// Environment variables are read from the `process.env` of the calling thread when a client is created. Each test is a
// process of its own.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, test } from 'node:test';
import { KEY, program, server } from './service.mjs';

const CALL = `const { default: BuilderAIKits } = await import('@builderaikits/sdk');
  const call = (options) => new BuilderAIKits(options).kits.run({ kit: 'text-gen', input: 'Hello' });
  const result = (promise) => promise.then(({ output }) => output.text, ({ message }) => message);`;

/** Runs the source in a worker whose environment is `env`, in a process with other variables. */
const inWorker = (source, env) => program(
  `import { Worker } from 'node:worker_threads';
   new Worker(${JSON.stringify(source)}, { eval: true, env: ${JSON.stringify(env)} }).on('error', (error) => console.log(error));`,
  { env: { BUILDERAIKITS_API_KEY: 'sk-of-the-process', BUILDERAIKITS_BASE_URL: 'http://127.0.0.1:1', BUILDERAIKITS_LOG: 'debug' } },
);

test('worker with its own variables uses them', async () => {
  const { env, requests } = await server();
  const result = await inWorker(`(async () => { ${CALL} console.log(await result(call())); })()`, {
    ...env,
    BUILDERAIKITS_CUSTOM_HEADERS: 'x-of: the worker',
  });
  assert.deepEqual(result, { code: 0, signal: null, stdout: 'hi\n', stderr: '' });
  assert.deepEqual([requests[0].headers.authorization, requests[0].headers['x-of']], [`Bearer ${KEY}`, 'the worker']);
});

test('worker without variables, or with its own proxy and log level, does not use those of the process', async () => {
  const { env } = await server((count) => (count === 1 ? { status: 500, body: 'no' } : { body: { output: { text: 'hi' } } }));
  const none = await inWorker(`(async () => { ${CALL} try { await call(); } catch (error) { console.log(error.message); } })()`, {});
  assert.match(none.stdout, /`apiKey`.*BUILDERAIKITS_API_KEY/);
  const logs = await inWorker(`(async () => { ${CALL} console.log(await result(call())); })()`, { ...env, BUILDERAIKITS_LOG: 'info' });
  assert.equal(logs.stdout, 'hi\n');
  assert.match(logs.stderr, /^builderaikits info [^\n]*\n$/);

  const requestLines = [];
  const proxy = createServer((socket) => socket.once('data', (head) => (requestLines.push(String(head).split(' ', 2).join(' ')), socket.destroy())));
  proxy.listen(0, '127.0.0.1');
  after(() => proxy.close());
  await once(proxy, 'listening');
  const proxied = { BUILDERAIKITS_API_KEY: KEY, BUILDERAIKITS_BASE_URL: 'https://far.invalid', HTTPS_PROXY: `127.0.0.1:${proxy.address().port}` };
  const source = `(async () => { ${CALL} console.log(await result(call({ maxRetries: 0 }))); })()`;
  assert.match((await inWorker(source, proxied)).stdout, /^could not connect/i);
  assert.deepEqual(requestLines, ['CONNECT far.invalid:443']);
  await inWorker(source, { ...proxied, NO_PROXY: 'far.invalid' });
  assert.equal(requestLines.length, 1);
});

/** What programs do after they have imported the SDK, and the key that is then sent. */
const CHANGES = [
  ["process.env.BUILDERAIKITS_API_KEY = 'bak_set'", 'bak_set'],
  ["process.env = { ...process.env, BUILDERAIKITS_API_KEY: 'bak_copy' }", 'bak_copy'],
  // In a test runner's process the values need not be strings.
  ["process.env = { ...process.env, BUILDERAIKITS_CUSTOM_HEADERS: undefined, HTTPS_PROXY: null, NO_PROXY: 5 }", KEY],
];

test('variables changed after the import are used', async () => {
  for (const [change, key] of CHANGES) {
    const { env, requests } = await server();
    const { stdout, stderr } = await program(`${CALL} ${change}; console.log(await result(call()));`, { env });
    assert.deepEqual([stdout, stderr], ['hi\n', '']);
    assert.equal(requests[0].headers.authorization, `Bearer ${key}`, change);
  }
});
