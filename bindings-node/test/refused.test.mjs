// What is refused before anything is sent, and how it is said.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import BuilderAIKits, { ConfigurationError, InvalidRequestError } from '@builderaikits/sdk';
import { KEY, program, server } from './service.mjs';

const circular = { prompt: 'p' };
circular.itself = circular;
let deep = 'deep';
for (let level = 0; level < 101; level += 1) {
  deep = [deep];
}
const input = { prompt: 'prompt-canary' };

const REQUESTS = [
  [undefined, 'the request must be an object'],
  [null, 'the request must be an object'],
  ['text-gen', 'the request must be an object'],
  [{}, 'kit: is missing'],
  [{ kit: 7, input }, 'kit: must be a string'],
  [{ kit: '', input }, 'kit: is empty'],
  [{ kit: 'k' }, 'input: is missing'],
  [{ kit: 'k', input: 7 }, 'input: must be an object'],
  [{ kit: 'k', input: {} }, 'input.prompt: is missing'],
  [{ kit: 'k', input: { prompt: 7 } }, 'input.prompt: must be a string'],
  [{ kit: 'k', input: { prompt: 'half \ud800' } }, 'input.prompt: has a lone surrogate'],
  [{ kit: 'k', input: { ...input, '\udfff': 1 } }, 'input: a key has a lone surrogate'],
  [{ kit: 'k', input: { ...input, list: [1, [2n]] } }, 'input.list[1][0]: is made of strings'],
  [{ kit: 'k', input: { ...input, list: [1, undefined] } }, 'input.list[1]: is made of strings'],
  [{ kit: 'k', input: { ...input, list: new Array(1) } }, 'input.list[0]: is made of strings'],
  [{ kit: 'k', input: { ...input, call: () => 1 } }, 'input.call: is made of strings'],
  [{ kit: 'k', input: { ...input, symbol: Symbol('s') } }, 'input.symbol: is made of strings'],
  [{ kit: 'k', input: { ...input, map: new Map([[1, 2]]) } }, 'input.map: is made of strings'],
  [{ kit: 'k', input: { ...input, bytes: new Uint8Array(3) } }, 'input.bytes: is made of strings'],
  [{ kit: 'k', input: Promise.resolve('p') }, 'input: is made of strings'],
  [{ kit: 'k', input: circular }, 'input.itself.itself'],
  [{ kit: 'k', input: { ...input, deep } }, 'input.deep[0]'],
  [{ kit: 'k', input, config: { temperature: NaN } }, 'config.temperature: must be a finite number'],
  [{ kit: 'k', input, config: { temperature: -Infinity } }, 'config.temperature: must be a finite number'],
  [{ kit: 'k', input, config: { temperature: 'hot' } }, 'config.temperature: must be a number'],
  [{ kit: 'k', input, config: { max_tokens: 0 } }, 'config.max_tokens: must be at least 1'],
  [{ kit: 'k', input, config: { max_tokens: 1.5 } }, 'config.max_tokens: must be a whole number'],
  [{ kit: 'k', input, config: { max_tokens: 5n } }, 'config.max_tokens: is made of strings'],
  [{ kit: 'k', input, config: [] }, 'config: must be an object'],
  [{ kit: 'k', input, get more() { throw new Error('of the getter') } }, 'what was given cannot be written as JSON'],
  [{ kit: 'k', input, more: { toJSON() { throw new Error('of toJSON') } } }, 'what was given cannot be written as JSON'],
  [{ kit: 'k', input, more: { toJSON: () => '\ud800' } }, 'is not JSON'],
];

const CALLS = [
  [{ timeout: 0 }, 'timeout: must be more than 0'],
  [{ timeout: NaN }, 'timeout: must be a finite number'],
  [{ timeout: -Infinity }, 'timeout: must be a finite number'],
  [{ timeout: '5' }, 'timeout: must be a number'],
  [{ maxRetries: -1 }, 'maxRetries: must be a whole number'],
  [{ maxRetries: null }, 'maxRetries: must be a whole number'],
  [{ retryAmbiguous: 1 }, 'retryAmbiguous: must be true or false'],
  [{ idempotencyKey: '' }, 'idempotencyKey: '],
  [{ idempotencyKey: 7 }, 'idempotencyKey: must be a string'],
  [{ headers: 'a: b' }, 'headers: must be names'],
  [{ headers: { a: 1 } }, 'headers: the value of `a` must be a string'],
  [{ headers: { authorization: 'x' } }, 'headers: '],
  [{ signal: {} }, 'signal: must be an AbortSignal'],
  [{ apiKey: 'bak_x' }, 'no option of a call is called apiKey'],
  [{ max_retries: 1 }, 'no option of a call is called max_retries; it is maxRetries'],
];

const CLIENTS = [
  [{ apiKey: undefined }, 'apiKey: is missing'],
  [{ apiKey: '' }, 'apiKey: is empty'],
  [{ apiKey: 'sk-other', baseURL: undefined }, 'apiKey: '],
  [{ apiKey: 7 }, 'apiKey: must be a string'],
  [{ apiKey: `bak_${'\ud800'}` }, 'apiKey: has a lone surrogate'],
  [{ baseURL: 'http://example.com' }, 'baseURL: '],
  [{ timeout: 0 }, 'timeout: must be more than 0'],
  [{ attemptTimeout: -1 }, 'attemptTimeout: must be more than 0'],
  [{ connectTimeout: 'x' }, 'connectTimeout: must be a number'],
  [{ maxRetries: 1.5 }, 'maxRetries: must be a whole number'],
  [{ maxConcurrency: 0 }, 'maxConcurrency: '],
  [{ maxResponseBytes: 0 }, 'maxResponseBytes: '],
  [{ retryAmbiguous: 'yes' }, 'retryAmbiguous: must be true or false'],
  [{ allowHTTP: 1 }, 'allowHTTP: must be true or false'],
  [{ proxy: 'not a proxy' }, 'proxy: '],
  [{ caFile: '/nonexistent.pem' }, 'caFile: '],
  [{ appName: 'a\nb' }, 'appName: '],
  [{ max_retries: 1 }, 'no option of a client is called max_retries; it is maxRetries'],
  [{ fetch: () => 1 }, 'no option of a client is called fetch'],
  [{ logger: {} }, 'logger: must have'],
  [{ logLevel: 'loud' }, 'logLevel: must be'],
];

test('requests', async () => {
  const { options, requests } = await server();
  const client = new BuilderAIKits(options);
  for (const [request, message] of REQUESTS) {
    const promise = client.kits.run(request);
    const error = await promise.then(() => assert.fail(message), (error) => error);
    check(error, InvalidRequestError, message);
    assert.equal(error.mayHaveRun, false);
  }
  assert.equal(requests.length, 0);
});

test('options of a call', async () => {
  const { options, requests } = await server();
  const client = new BuilderAIKits(options);
  for (const [given, message] of CALLS) {
    const error = await client.kits.run({ kit: 'k', input }, given).then(() => assert.fail(message), (error) => error);
    check(error, InvalidRequestError, message);
  }
  assert.equal(requests.length, 0);
});

test('options of a client, and of its copies', () => {
  for (const [given, message] of CLIENTS) {
    assert.throws(() => new BuilderAIKits({ apiKey: KEY, baseURL: 'http://127.0.0.1:1', ...given }), (error) => check(error, ConfigurationError, message));
  }
  const client = new BuilderAIKits({ apiKey: KEY });
  assert.throws(() => client.withOptions({ timeout: -1 }), (error) => check(error, ConfigurationError, 'timeout: must be'));
  assert.throws(() => client.withOptions({ baseURL: 'https://example.com' }), (error) => check(error, ConfigurationError, 'baseURL: '));
  assert.throws(() => client.withOptions({ timeout_ms: 5 }), (error) => check(error, ConfigurationError, 'no option of a client is called timeout_ms; it is timeout'));
});

test('what cannot be written keeps its cause', async () => {
  const request = { kit: 'k', input, get more() { throw new Error('of the getter') } };
  const client = new BuilderAIKits({ apiKey: KEY });
  await assert.rejects(client.kits.run(request), ({ cause }) => cause.message === 'of the getter');
});

test('a call that nobody awaits is an unhandled rejection, and nothing worse', async () => {
  const ended = await program(
    `import BuilderAIKits from '@builderaikits/sdk';
     process.on('unhandledRejection', (error) => console.log(error.name));
     const client = new BuilderAIKits({ apiKey: 'bak_x', baseURL: 'http://127.0.0.1:1', maxRetries: 0 });
     for (const input of [NaN, 5n, 'Hello']) client.kits.run({ kit: 'text-gen', input });
     console.log('goes on');`,
  );
  assert.deepEqual(ended, {
    code: 0,
    signal: null,
    stdout: 'goes on\nInvalidRequestError\nInvalidRequestError\nAPIConnectionError\n',
    stderr: '',
  });
});

function check(error, Class, message) {
  assert.ok(error instanceof Class, error);
  assert.ok(error.message.startsWith(message), `${error.message} / ${message}`);
  assert.ok(!error.stack.includes('prompt-canary') && !error.stack.includes(KEY));
  return true;
}
