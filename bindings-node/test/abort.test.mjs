// AbortSignal: before, in flight, before a repeat, in the queue; and what is left of it.
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import BuilderAIKits, { APIUserAbortError, InvalidRequestError } from '@builderaikits/sdk';
import { KEY, program, sandbox, server, until } from './service.mjs';

const HELLO = { kit: 'text-gen', input: 'Hello' };

test('before the call', async () => {
  const { options, requests } = await server();
  const error = await failure(new BuilderAIKits(options).kits.run(HELLO, { signal: AbortSignal.abort('why') }));
  assert.deepEqual([error.cause, error.kind, error.mayHaveRun], ['why', 'cancelled', false]);
  assert.equal(requests.length, 0);
});

test('in flight: the server sees it', async () => {
  const { options, requests, closed } = await server(() => undefined);
  const controller = new AbortController();
  const call = failure(new BuilderAIKits(options).kits.run(HELLO, { signal: controller.signal }));
  await until(() => requests.length === 1);
  controller.abort();
  const error = await call;
  assert.equal(error.cause, controller.signal.reason);
  assert.ok(error.mayHaveRun);
  await until(() => closed.count === 1);
  assert.deepEqual(getEventListeners(controller.signal, 'abort'), []);
});

test('what is known of a call that was given up', async () => {
  const { options, requests } = await server(() => undefined);
  const client = new BuilderAIKits(options);
  for (const given of [{ idempotencyKey: 'key-1' }, {}]) {
    const controller = new AbortController();
    const begun = performance.now();
    const call = failure(client.kits.run(HELLO, { ...given, signal: controller.signal }));
    await new Promise((resolve) => setTimeout(resolve, 20));
    controller.abort();
    const { elapsed, idempotencyKey, attempts } = await call;
    assert.ok(elapsed >= 15 && elapsed <= performance.now() - begun, elapsed);
    assert.deepEqual([idempotencyKey, attempts], [given.idempotencyKey, 0]);
  }
  assert.ok(requests.length > 0);
  const early = await failure(client.kits.run(HELLO, { idempotencyKey: 'key-1', signal: AbortSignal.abort() }));
  assert.deepEqual([early.elapsed, early.idempotencyKey], [0, undefined]);
});

test('while it waits before a repeat: none follows', async () => {
  const { options, requests } = await server(() => ({ status: 429, headers: { 'retry-after': '0.3' }, body: 'no' }));
  let waits = 0;
  const logger = { info: (message) => (waits += message.startsWith('repeating') ? 1 : 0), debug() {} };
  const client = new BuilderAIKits({ ...options, maxRetries: 1, logger });
  const controller = new AbortController();
  const call = failure(client.kits.run(HELLO, { signal: controller.signal }));
  await until(() => waits === 1);
  controller.abort();
  await call;
  assert.equal(requests.length, 1);
  // One that is repeated later: by then the first would have been, too.
  await assert.rejects(client.kits.run(HELLO));
  assert.equal(requests.length, 3);
});

test('in the queue: it is never sent', async () => {
  const { options, requests } = await server(() => undefined);
  const client = new BuilderAIKits({ ...options, maxConcurrency: 1 });
  const [first, second] = [new AbortController(), new AbortController()];
  const calls = [first, second].map(({ signal }) => failure(client.kits.run(HELLO, { signal })));
  await until(() => requests.length === 1);
  second.abort();
  await calls[1];
  first.abort();
  await calls[0];
  const last = new AbortController();
  const third = failure(client.kits.run(HELLO, { signal: last.signal }));
  await until(() => requests.length === 2);
  last.abort();
  await third;
  assert.equal(requests.length, 2);
});

test('AbortSignal.timeout, AbortSignal.any', async () => {
  const { options } = await server(() => undefined);
  const client = new BuilderAIKits(options);
  assert.equal((await failure(client.kits.run(HELLO, { signal: AbortSignal.timeout(20) }))).cause.name, 'TimeoutError');
  const { signal, abort } = bound(new AbortController());
  const call = failure(client.kits.run(HELLO, { signal: AbortSignal.any([signal, AbortSignal.timeout(60_000)]) }));
  abort('any');
  assert.equal((await call).cause, 'any');
});

test('10,000 calls on one signal leave no listener, and no warning', async () => {
  const { options } = await sandbox();
  const client = new BuilderAIKits(options);
  const { signal } = new AbortController();
  const warnings = [];
  process.on('warning', (warning) => warnings.push(warning));
  let most = 0;
  for (let round = 0; round < 10; round += 1) {
    const calls = Array.from({ length: 1000 }, () => client.kits.run(HELLO, { signal }));
    most = Math.max(most, getEventListeners(signal, 'abort').length);
    await Promise.all(calls);
  }
  assert.deepEqual([most, getEventListeners(signal, 'abort').length, warnings], [1, 0, []]);
});

test('one signal gives up all its calls, and others go on', async () => {
  const { options } = await server(() => undefined);
  const client = new BuilderAIKits(options);
  const [one, other] = [new AbortController(), new AbortController()];
  const ones = Array.from({ length: 500 }, () => failure(client.kits.run(HELLO, { signal: one.signal })));
  let others = 0;
  const going = failure(client.kits.run(HELLO, { signal: other.signal })).then(() => (others += 1));
  one.abort();
  await Promise.all(ones);
  assert.equal(others, 0);
  other.abort();
  await going;
});

// In a program of its own: an error that came out of here would leave this one hanging.
test("a signal of the user's making that cannot be left: its call ends, and so do others", async () => {
  const source = `import BuilderAIKits from '@builderaikits/sdk';
    class Stuck extends EventTarget { aborted = false; removeEventListener() { throw new Error('of the signal'); } }
    const run = (client, signal) => client.kits.run({ kit: 'text-gen', input: 'Hello' }, { signal }).then(({ status }) => status, ({ name }) => name);
    const client = new BuilderAIKits();
    // So many that some end together.
    const ends = await Promise.all(Array.from({ length: 100 }, (_, index) => run(client, index % 2 === 0 ? new Stuck() : undefined)));
    console.log(ends.filter((status) => status === 'completed').length);
    const [silent, stuck] = [new BuilderAIKits({ baseURL: process.argv[1] }), new Stuck()];
    const given = [run(silent, stuck), run(silent, stuck)];
    stuck.dispatchEvent(new Event('abort'));
    console.log((await Promise.all(given)).join());`;
  const { options } = await server(() => undefined);
  const ended = await program(source, { env: (await sandbox()).env, args: [options.baseURL] });
  assert.deepEqual(ended, { code: 0, signal: null, stdout: '100\nAPIUserAbortError,APIUserAbortError\n', stderr: '' });
});

test("a signal of the user's making that cannot be listened to: nothing is sent", async () => {
  const { options, requests } = await server();
  const client = new BuilderAIKits(options);
  const thrown = new Error('of the signal');
  const fails = () => {
    throw thrown;
  };
  const signals = [
    { aborted: false, addEventListener: fails, removeEventListener() {} },
    Object.defineProperty(new EventTarget(), 'aborted', { get: fails }),
  ];
  for (const signal of signals) {
    const error = await client.kits.run(HELLO, { signal }).then(assert.fail, (error) => error);
    assert.ok(error instanceof InvalidRequestError && error.message.startsWith('signal: cannot be listened to'), error);
    assert.deepEqual([error.cause, error.mayHaveRun], [thrown, false]);
  }
  assert.equal(requests.length, 0);
});

test('a call that is refused leaves no listener', async () => {
  const { signal } = new AbortController();
  const client = new BuilderAIKits({ apiKey: KEY });
  await assert.rejects(client.kits.run({ kit: '', input: 'Hello' }, { signal }), InvalidRequestError);
  assert.deepEqual(getEventListeners(signal, 'abort'), []);
});

async function failure(call) {
  const error = await call.then(() => assert.fail('it was not given up'), (error) => error);
  assert.ok(error instanceof APIUserAbortError, error);
  return error;
}

function bound(controller) {
  return { signal: controller.signal, abort: (reason) => controller.abort(reason) };
}
