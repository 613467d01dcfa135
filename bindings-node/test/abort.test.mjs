// AbortSignal: aborting before the call, in flight, before a retry and in the queue, and what remains afterwards.
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import BuilderAIKits, { APIUserAbortError, InvalidRequestError } from '@builderaikits/sdk';
import { KEY, program, sandbox, server, waitUntil } from './service.mjs';

const HELLO = { kit: 'text-gen', input: 'Hello' };

test('signal aborted before the call: nothing is sent', async () => {
  const { options, requests } = await server();
  const error = await abortError(new BuilderAIKits(options).kits.run(HELLO, { signal: AbortSignal.abort('why') }));
  assert.deepEqual([error.cause, error.kind, error.mayHaveRun], ['why', 'cancelled', false]);
  assert.equal(error.message, 'The request was aborted.');
  assert.equal(requests.length, 0);
});

test('signal aborted in flight: the server sees the connection close', async () => {
  const { options, requests, closed } = await server(() => undefined);
  const controller = new AbortController();
  const call = abortError(new BuilderAIKits(options).kits.run(HELLO, { signal: controller.signal }));
  await waitUntil(() => requests.length === 1);
  controller.abort();
  const error = await call;
  assert.equal(error.cause, controller.signal.reason);
  assert.ok(error.mayHaveRun);
  await waitUntil(() => closed.count === 1);
  assert.deepEqual(getEventListeners(controller.signal, 'abort'), []);
});

test('abort error has the elapsed time and the given idempotency key', async () => {
  const { options, requests } = await server(() => undefined);
  const client = new BuilderAIKits(options);
  for (const own of [{ idempotencyKey: 'key-1' }, {}]) {
    const controller = new AbortController();
    const startedAt = performance.now();
    const call = abortError(client.kits.run(HELLO, { ...own, signal: controller.signal }));
    await new Promise((resolve) => setTimeout(resolve, 20));
    controller.abort();
    const { elapsedMs, idempotencyKey, attempts } = await call;
    assert.ok(elapsedMs >= 15 && elapsedMs <= performance.now() - startedAt, elapsedMs);
    assert.deepEqual([idempotencyKey, attempts], [own.idempotencyKey, 0]);
  }
  assert.ok(requests.length > 0);
  const early = await abortError(client.kits.run(HELLO, { idempotencyKey: 'key-1', signal: AbortSignal.abort() }));
  assert.deepEqual([early.elapsedMs, early.idempotencyKey], [0, undefined]);
});

test('signal aborted while waiting to retry: no retry follows', async () => {
  const { options, requests } = await server(() => ({ status: 503, headers: { 'retry-after': '0.3' }, body: 'no' }));
  let waits = 0;
  const logger = { info: (message) => (waits += message.startsWith('retrying') ? 1 : 0), debug() {} };
  const client = new BuilderAIKits({ ...options, maxRetries: 1, logger });
  const controller = new AbortController();
  const call = abortError(client.kits.run(HELLO, { signal: controller.signal }));
  await waitUntil(() => waits === 1);
  controller.abort();
  await call;
  assert.equal(requests.length, 1);
  // This call is retried later than the first one would have been.
  await assert.rejects(client.kits.run(HELLO));
  assert.equal(requests.length, 3);
});

test('signal aborted in the queue: the request is never sent', async () => {
  const { options, requests } = await server(() => undefined);
  const client = new BuilderAIKits({ ...options, maxConcurrency: 1 });
  const [first, second] = [new AbortController(), new AbortController()];
  const calls = [first, second].map(({ signal }) => abortError(client.kits.run(HELLO, { signal })));
  await waitUntil(() => requests.length === 1);
  second.abort();
  await calls[1];
  first.abort();
  await calls[0];
  const last = new AbortController();
  const third = abortError(client.kits.run(HELLO, { signal: last.signal }));
  await waitUntil(() => requests.length === 2);
  last.abort();
  await third;
  assert.equal(requests.length, 2);
});

test('signal aborted while the rate limit holds the call back: the request is never sent', async () => {
  const { options, requests } = await server();
  const client = new BuilderAIKits({ ...options, rateLimit: '1/60s', timeout: null });
  await client.kits.run(HELLO);
  const controller = new AbortController();
  const call = abortError(client.kits.run(HELLO, { signal: controller.signal }));
  await waitUntil(() => client.usage().pacing.waiting === 1);
  controller.abort();
  await call;
  await waitUntil(() => client.usage().pacing.waiting === 0);
  assert.equal(requests.length, 1);
});

test('AbortSignal.timeout and AbortSignal.any abort a call', async () => {
  const { options } = await server(() => undefined);
  const client = new BuilderAIKits(options);
  assert.equal((await abortError(client.kits.run(HELLO, { signal: AbortSignal.timeout(20) }))).cause.name, 'TimeoutError');
  const controller = new AbortController();
  const signal = AbortSignal.any([controller.signal, AbortSignal.timeout(60_000)]);
  const call = abortError(client.kits.run(HELLO, { signal }));
  controller.abort('any');
  assert.equal((await call).cause, 'any');
});

test('10,000 calls on one signal leave no listener and no warning', async () => {
  const { options } = await sandbox();
  const client = new BuilderAIKits(options);
  const { signal } = new AbortController();
  const warnings = [];
  process.on('warning', (warning) => warnings.push(warning));
  let listeners = 0;
  for (let round = 0; round < 10; round += 1) {
    const calls = Array.from({ length: 1000 }, () => client.kits.run(HELLO, { signal }));
    listeners = Math.max(listeners, getEventListeners(signal, 'abort').length);
    await Promise.all(calls);
  }
  assert.deepEqual([listeners, getEventListeners(signal, 'abort').length, warnings], [1, 0, []]);
});

test('one signal aborts all its calls and no others', async () => {
  const { options } = await server(() => undefined);
  const client = new BuilderAIKits(options);
  const [one, other] = [new AbortController(), new AbortController()];
  const calls = Array.from({ length: 500 }, () => abortError(client.kits.run(HELLO, { signal: one.signal })));
  let otherAborted = 0;
  const otherCall = abortError(client.kits.run(HELLO, { signal: other.signal })).then(() => (otherAborted += 1));
  one.abort();
  await Promise.all(calls);
  assert.equal(otherAborted, 0);
  other.abort();
  await otherCall;
});

// In a program of its own: an error that escaped the SDK would leave this process hanging.
test('signal whose removeEventListener throws: its calls and others settle', async () => {
  const source = `import BuilderAIKits from '@builderaikits/sdk';
    class Stuck extends EventTarget { aborted = false; removeEventListener() { throw new Error('from the signal'); } }
    const run = (client, signal) => client.kits.run({ kit: 'text-gen', input: 'Hello' }, { signal }).then(({ status }) => status, ({ name }) => name);
    const client = new BuilderAIKits();
    // Enough calls that some complete together.
    const results = await Promise.all(Array.from({ length: 100 }, (_, index) => run(client, index % 2 === 0 ? new Stuck() : undefined)));
    console.log(results.filter((status) => status === 'completed').length);
    const [silent, stuck] = [new BuilderAIKits({ baseURL: process.argv[1] }), new Stuck()];
    const calls = [run(silent, stuck), run(silent, stuck)];
    stuck.dispatchEvent(new Event('abort'));
    console.log((await Promise.all(calls)).join());`;
  const { options } = await server(() => undefined);
  const result = await program(source, { env: (await sandbox()).env, args: [options.baseURL] });
  assert.deepEqual(result, { code: 0, signal: null, stdout: '100\nAPIUserAbortError,APIUserAbortError\n', stderr: '' });
});

test('signal that throws when it is subscribed: nothing is sent', async () => {
  const { options, requests } = await server();
  const client = new BuilderAIKits(options);
  const thrown = new Error('from the signal');
  const fail = () => {
    throw thrown;
  };
  const signals = [
    { aborted: false, addEventListener: fail, removeEventListener() {} },
    Object.defineProperty(new EventTarget(), 'aborted', { get: fail }),
  ];
  for (const signal of signals) {
    const error = await client.kits.run(HELLO, { signal }).then(assert.fail, (error) => error);
    assert.ok(error instanceof InvalidRequestError && error.message.startsWith('`signal` is not usable: '), error);
    assert.deepEqual([error.cause, error.mayHaveRun], [thrown, false]);
  }
  assert.equal(requests.length, 0);
});

test('rejected call leaves no listener', async () => {
  const { signal } = new AbortController();
  const client = new BuilderAIKits({ apiKey: KEY });
  await assert.rejects(client.kits.run({ kit: '', input: 'Hello' }, { signal }), InvalidRequestError);
  assert.deepEqual(getEventListeners(signal, 'abort'), []);
});

async function abortError(call) {
  const error = await call.then(() => assert.fail('the call was not aborted'), (error) => error);
  assert.ok(error instanceof APIUserAbortError, error);
  return error;
}
