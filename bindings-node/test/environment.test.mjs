// Variables are those of the environment that calls, as its `process.env` has them at that moment. Each in a process of its own.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, test } from 'node:test';
import { KEY, program, server } from './service.mjs';

const CALL = `const { default: BuilderAIKits } = await import('@builderaikits/sdk');
  const call = (options) => new BuilderAIKits(options).kits.run({ kit: 'text-gen', input: 'Hello' });
  const told = (promise) => promise.then(({ output }) => output.text, ({ message }) => message);`;

/** The program in a worker whose environment is `env`, of a process that has other variables. */
const inWorker = (source, env) => program(
  `import { Worker } from 'node:worker_threads';
   new Worker(${JSON.stringify(source)}, { eval: true, env: ${JSON.stringify(env)} }).on('error', (error) => console.log(error));`,
  { env: { BUILDERAIKITS_API_KEY: 'sk-of-the-process', BUILDERAIKITS_BASE_URL: 'http://127.0.0.1:1', BUILDERAIKITS_LOG: 'debug' } },
);

test('a worker with variables of its own', async () => {
  const { env, requests } = await server();
  const ended = await inWorker(`(async () => { ${CALL} console.log(await told(call())); })()`, {
    ...env,
    BUILDERAIKITS_CUSTOM_HEADERS: 'x-of: the worker',
  });
  assert.deepEqual(ended, { code: 0, signal: null, stdout: 'hi\n', stderr: '' });
  assert.deepEqual([requests[0].headers.authorization, requests[0].headers['x-of']], [`Bearer ${KEY}`, 'the worker']);
});

test('a worker without any, or with other proxies and logs', async () => {
  const { env } = await server((count) => (count === 1 ? { status: 500, body: 'no' } : { body: { output: { text: 'hi' } } }));
  const none = await inWorker(`(async () => { ${CALL} try { await call(); } catch (error) { console.log(error.message); } })()`, {});
  assert.match(none.stdout, /^apiKey: is missing/);
  const logs = await inWorker(`(async () => { ${CALL} console.log(await told(call())); })()`, { ...env, BUILDERAIKITS_LOG: 'info' });
  assert.equal(logs.stdout, 'hi\n');
  assert.match(logs.stderr, /^builderaikits info [^\n]*\n$/);

  const asked = [];
  const proxy = createServer((socket) => socket.once('data', (head) => (asked.push(String(head).split(' ', 2).join(' ')), socket.destroy())));
  proxy.listen(0, '127.0.0.1');
  after(() => proxy.close());
  await once(proxy, 'listening');
  const through = { BUILDERAIKITS_API_KEY: KEY, BUILDERAIKITS_BASE_URL: 'https://far.invalid', HTTPS_PROXY: `127.0.0.1:${proxy.address().port}` };
  const source = `(async () => { ${CALL} console.log(await told(call({ maxRetries: 0 }))); })()`;
  assert.match((await inWorker(source, through)).stdout, /^could not connect/);
  assert.deepEqual(asked, ['CONNECT far.invalid:443']);
  await inWorker(source, { ...through, NO_PROXY: 'far.invalid' });
  assert.equal(asked.length, 1);
});

/** What programs do after they have imported us, and the key that is sent then. */
const CHANGES = [
  ["process.env.BUILDERAIKITS_API_KEY = 'bak_set'", 'bak_set'],
  ["process.env = { ...process.env, BUILDERAIKITS_API_KEY: 'bak_copy' }", 'bak_copy'],
  // A test runner's process: what is set there stays what it is.
  ["process.env = { ...process.env, BUILDERAIKITS_CUSTOM_HEADERS: undefined, HTTPS_PROXY: null, NO_PROXY: 5 }", KEY],
];

test('variables that are set after the import', async () => {
  for (const [change, key] of CHANGES) {
    const { env, requests } = await server();
    const ended = await program(`${CALL} ${change}; console.log(await told(call()));`, { env });
    assert.deepEqual([ended.stdout, ended.stderr], ['hi\n', '']);
    assert.equal(requests[0].headers.authorization, `Bearer ${key}`, change);
  }
});
