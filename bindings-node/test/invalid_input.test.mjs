// What is rejected before anything is sent, and the messages.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import BuilderAIKits, { ConfigurationError, InvalidRequestError } from '@builderaikits/sdk';
import { KEY, program, server } from './service.mjs';

const circular = { prompt: 'p' };
circular.itself = circular;
const nested = (levels) => (levels === 0 ? 'deep' : [nested(levels - 1)]);
const deep = nested(101);
const input = { prompt: 'prompt-canary' };
const throws = (message) => {
  throw new Error(message);
};

/** A request, and how the message begins. */
const REQUESTS = [
  [undefined, 'The request must be an object'],
  [null, 'The request must be an object'],
  ['text-gen', 'The request must be an object'],
  [new Map(), 'The request is not JSON-serializable: it is a Map. Use strings, numbers, booleans, null, arrays or plain objects.'],
  [{}, 'kit is required'],
  [{ kit: 7, input }, 'kit must be a string'],
  [{ kit: '', input }, 'kit must not be empty'],
  [{ kit: 'k' }, 'input is required'],
  [{ kit: 'k', input: 7 }, 'input must be an object'],
  [{ kit: 'k', input: {} }, 'input.prompt is required'],
  [{ kit: 'k', input: { prompt: 7 } }, 'input.prompt must be a string'],
  [{ kit: 'k', input: { prompt: 'half \ud800' } }, 'input.prompt contains an unpaired surrogate, which UTF-8 cannot encode'],
  [{ kit: 'k', input: { ...input, '\udfff': 1 } }, 'input has a key with an unpaired surrogate'],
  [{ kit: 'k', input: { ...input, list: [1, [2n]] } }, 'input.list[1][0] is not JSON-serializable: it is a bigint.'],
  [{ kit: 'k', input: { ...input, list: [1, undefined] } }, 'input.list[1] is not JSON-serializable: it is undefined.'],
  [{ kit: 'k', input: { ...input, list: new Array(1) } }, 'input.list[0] is not JSON-serializable: it is undefined.'],
  [{ kit: 'k', input: { ...input, call: () => 1 } }, 'input.call is not JSON-serializable: it is a function.'],
  [{ kit: 'k', input: { ...input, symbol: Symbol('s') } }, 'input.symbol is not JSON-serializable: it is a symbol.'],
  [{ kit: 'k', input: { ...input, map: new Map([[1, 2]]) } }, 'input.map is not JSON-serializable: it is a Map.'],
  [{ kit: 'k', input: { ...input, bytes: new Uint8Array(3) } }, 'input.bytes is not JSON-serializable: it is a Uint8Array.'],
  [{ kit: 'k', input: Promise.resolve('p') }, 'input is not JSON-serializable: it is a Promise.'],
  [{ kit: 'k', input: circular }, 'input.itself.itself'],
  [{ kit: 'k', input: { ...input, deep } }, 'input.deep[0][0][0][0][0][0]… is nested more than 100 levels deep, or contains itself.'],
  [{ kit: 'k', input, config: { temperature: NaN } }, 'config.temperature must be a finite number, not NaN.'],
  [{ kit: 'k', input, config: { temperature: -Infinity } }, 'config.temperature must be a finite number, not -Infinity.'],
  [{ kit: 'k', input, config: { temperature: 'hot' } }, 'config.temperature must be a number'],
  [{ kit: 'k', input, config: { max_tokens: 0 } }, 'config.max_tokens must be at least 1'],
  [{ kit: 'k', input, config: { max_tokens: 1.5 } }, 'config.max_tokens must be an integer'],
  [{ kit: 'k', input, config: { max_tokens: 5n } }, 'config.max_tokens is not JSON-serializable: it is a bigint.'],
  [{ kit: 'k', input, config: [] }, 'config must be an object'],
  [{ kit: 'k', input, get more() { return throws('from the getter') } }, 'The argument cannot be serialized as JSON; see `cause`.'],
  [{ kit: 'k', input, more: { toJSON: () => throws('from toJSON') } }, 'The argument cannot be serialized as JSON; see `cause`.'],
  [{ kit: 'k', input, more: { toJSON: () => ['\ud800'] } }, 'more[0] contains an unpaired surrogate'],
  [{ kit: 'k', input, more: { toJSON: () => nested(200) } }, 'more[0]'],
];

/** The second argument of run(), and how the message begins. */
const REQUEST_OPTIONS = [
  [5000, 'Request options must be an object such as `{ timeout: 5_000 }`, not a number.'],
  ['5s', 'Request options must be an object such as `{ timeout: 5_000 }`, not a string.'],
  [[], 'Request options must be an object such as `{ timeout: 5_000 }`, not an Array.'],
  [() => 1, 'Request options must be an object such as `{ timeout: 5_000 }`, not a function.'],
  [new AbortController().signal, 'Request options must be an object such as `{ timeout: 5_000 }`, not an AbortSignal. Pass the signal as `{ signal }`.'],
  [{ aborted: false, addEventListener() {}, removeEventListener() {} }, 'Request options must be an object such as `{ timeout: 5_000 }`, not an AbortSignal.'],
  [{ timeout: 0 }, '`timeout` must be more than 0'],
  [{ timeout: NaN }, '`timeout` must be a finite number, not NaN.'],
  [{ timeout: -Infinity }, '`timeout` must be a finite number, not -Infinity.'],
  [{ timeout: '5s' }, '`timeout` must be a number, or null for no limit'],
  [{ maxRetries: -1 }, '`maxRetries` must be an integer'],
  [{ maxRetries: null }, '`maxRetries` must be an integer'],
  [{ maxRetries: 5n }, '`maxRetries` must be an integer'],
  [{ retryAmbiguous: 1 }, '`retryAmbiguous` must be true or false'],
  [{ idempotencyKey: '' }, '`idempotencyKey` must be 1 to 255 visible ASCII characters'],
  [{ idempotencyKey: 7 }, '`idempotencyKey` must be a string'],
  [{ headers: 'a: b' }, '`headers` must map header names to strings'],
  [{ headers: () => 1 }, '`headers` must map header names to strings'],
  [{ headers: { a: 1 } }, '`headers` must map header names to strings'],
  [{ headers: { a: '\ud800' } }, '`headers.a` contains an unpaired surrogate'],
  [{ headers: { authorization: 'x' } }, "`headers`: 'authorization' is set by the SDK"],
  [{ signal: {} }, '`signal` must be an AbortSignal.'],
  [{ apiKey: 'bak_x' }, '`apiKey` is not an option of a request. Set it on the client.'],
  [{ rateLimit: 'maker' }, '`rateLimit` is not an option of a request. Set it on the client.'],
  [{ retryBudget: false }, '`retryBudget` is not an option of a request. Set it on the client.'],
  [{ prices: {} }, '`prices` is not an option of a request. Set it on the client.'],
  [{ max_retries: 1 }, 'Unknown request option `max_retries`. Did you mean `maxRetries`?'],
  [{ idempotencykey: 'k' }, 'Unknown request option `idempotencykey`. Did you mean `idempotencyKey`?'],
  [{ 'a\nb': 1 }, 'Unknown request option `a\\nb`.'],
];

/** Options of a client, and how the message begins. */
const CLIENT_OPTIONS = [
  [{ apiKey: undefined }, '`apiKey` is required'],
  [{ apiKey: '' }, '`apiKey` is empty'],
  [{ apiKey: 'sk-other', baseURL: undefined }, '`apiKey` must start with `bak_`'],
  [{ apiKey: 7 }, '`apiKey` must be a string'],
  [{ apiKey: () => KEY }, '`apiKey` must be a string'],
  [{ apiKey: Symbol('s') }, '`apiKey` must be a string'],
  [{ apiKey: `bak_${'\ud800'}` }, '`apiKey` contains an unpaired surrogate'],
  [{ baseURL: 'http://example.com' }, '`baseURL` uses plain http, which exposes your API key and prompts on the network. Use https, or set `allowHTTP`'],
  [{ timeout: 0 }, '`timeout` must be more than 0'],
  [{ timeout: '5s' }, '`timeout` must be a number, or null for no limit'],
  [{ attemptTimeout: -1 }, '`attemptTimeout` must be more than 0'],
  [{ connectTimeout: 'x' }, '`connectTimeout` must be a number, or null for no limit'],
  [{ maxRetries: 1.5 }, '`maxRetries` must be an integer'],
  [{ maxConcurrency: 0 }, '`maxConcurrency` must be an integer from 1 to'],
  [{ maxConcurrency: -1 }, '`maxConcurrency` must be an integer'],
  [{ maxResponseBytes: 0 }, '`maxResponseBytes` must be an integer from 1 to'],
  [{ retryAmbiguous: 'yes' }, '`retryAmbiguous` must be true or false'],
  [{ rateLimit: 'fast' }, '`rateLimit` is not known. It can be `auto`, `off`, `maker`, `builder`, or numbers'],
  [{ rateLimit: '30/0s' }, '`rateLimit` must count per 0.1 s to 1 day.'],
  [{ rateLimit: 30 }, '`rateLimit` must be a string, or an object of numbers.'],
  [{ rateLimit: null }, '`rateLimit` must be a string, or an object of numbers.'],
  [{ rateLimit: [30] }, '`rateLimit` must be a string, or an object of numbers.'],
  [{ rateLimit: () => 1 }, '`rateLimit` must be a string, or an object of numbers.'],
  [{ rateLimit: new Map() }, '`rateLimit` is not JSON-serializable: it is a Map.'],
  [{ rateLimit: {} }, '`rateLimit` needs a number of requests or of tokens.'],
  [{ rateLimit: { requests: 0 } }, '`rateLimit` needs numbers of at least 1.'],
  [{ rateLimit: { requests: -1 } }, '`rateLimit.requests` must be an integer of at least 1.'],
  [{ rateLimit: { requests: 1.5 } }, '`rateLimit.requests` must be an integer of at least 1.'],
  [{ rateLimit: { tokens: '5' } }, '`rateLimit.tokens` must be an integer of at least 1.'],
  [{ rateLimit: { tokens: 5n } }, '`rateLimit.tokens` is not JSON-serializable: it is a bigint.'],
  [{ rateLimit: { requests: NaN } }, '`rateLimit.requests` must be a finite number, not NaN.'],
  [{ rateLimit: { requests: 1, per: '5s' } }, '`rateLimit.per` must be a length of time.'],
  [{ rateLimit: { requests: 1, per: -1 } }, '`rateLimit.per` must be a length of time.'],
  [{ rateLimit: { requests: 1, per: Infinity } }, '`rateLimit.per` must be a finite number, not Infinity.'],
  [{ rateLimit: { requests: 1, per: 10 } }, '`rateLimit` must count per 0.1 s to 1 day.'],
  [{ rateLimit: { requests: 1, per_ms: 500 } }, '`rateLimit` has requests, tokens and per, but not `per_ms`.'],
  [{ rateLimit: { requests: 1, perMs: 500 } }, '`rateLimit` has requests, tokens and per, but not `perMs`.'],
  [{ rateLimit: { 'request\n': 1 } }, '`rateLimit` has requests, tokens and per, but not `request\\n`.'],
  [{ rate_limit: 'maker' }, 'Unknown client option `rate_limit`. Did you mean `rateLimit`?'],
  [{ retryBudget: 1 }, '`retryBudget` must be true or false.'],
  [{ retryBudget: null }, '`retryBudget` must be true or false.'],
  [{ prices: 0.0004 }, '`prices` must map kit ids to prices.'],
  [{ prices: null }, '`prices` must map kit ids to prices.'],
  [{ prices: [['text-gen', 1]] }, '`prices` must map kit ids to prices.'],
  [{ prices: new Map() }, '`prices` is not JSON-serializable: it is a Map.'],
  [{ prices: { 'text-gen': -1 } }, "`prices`: the price of 'text-gen' must be a number of US dollars that is not negative"],
  [{ prices: { 'text-gen': '1e-3' } }, "`prices`: the price of 'text-gen' must be a number of US dollars that is not negative"],
  [{ prices: { 'text-gen': 1e-10 } }, "`prices`: the price of 'text-gen' must be a number of US dollars that is not negative"],
  [{ prices: { 'text-gen': null } }, "`prices`: the price of 'text-gen' must be a number of US dollars that is not negative"],
  [{ prices: { 'text-gen': NaN } }, '`prices.text-gen` must be a finite number, not NaN.'],
  [{ prices: { textGen: 1 } }, "`prices`: 'textGen' is not a kit; the id is 'text-gen'."],
  [{ allowHTTP: 1 }, '`allowHTTP` must be true or false'],
  [{ proxy: 'not a proxy' }, '`proxy` is not a valid URL'],
  [{ caFile: '/nonexistent.pem' }, '`caFile`: /nonexistent.pem cannot be read'],
  [{ appName: 'a\nb' }, '`appName` must be printable ASCII'],
  [{ baseUrl: 'https://example.com' }, 'Unknown client option `baseUrl`. Did you mean `baseURL`?'],
  [{ max_retries: 1 }, 'Unknown client option `max_retries`. Did you mean `maxRetries`?'],
  [{ timeoutMs: 1 }, 'Unknown client option `timeoutMs`. Did you mean `timeout`?'],
  [{ fetch: () => 1 }, 'Unknown client option `fetch`.'],
  [{ idempotencyKey: 'k' }, '`idempotencyKey` is not an option of a client. Pass it with the call.'],
  [{ logger: {} }, '`logger` must have the methods info() and debug(), like console.'],
  [{ logLevel: 'loud' }, '`logLevel` must be "off", "info" or "debug".'],
];

/** The argument of `new BuilderAIKits()` or `withOptions()`, and what its type is called. */
const NOT_OPTIONS = [
  [42, 'a number'],
  [KEY, 'a string'],
  [null, 'null'],
  [[], 'an Array'],
  [new Map(), 'a Map'],
];

test('invalid requests are rejected with the field', async () => {
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

test('invalid request options are rejected with the option', async () => {
  const { options, requests } = await server();
  const client = new BuilderAIKits(options);
  for (const [own, message] of REQUEST_OPTIONS) {
    const error = await client.kits.run({ kit: 'k', input }, own).then(() => assert.fail(message), (error) => error);
    check(error, InvalidRequestError, message);
  }
  assert.equal(requests.length, 0);
});

test('invalid client options are rejected with the option', () => {
  for (const [own, message] of CLIENT_OPTIONS) {
    const options = { apiKey: KEY, baseURL: 'http://127.0.0.1:1', ...own };
    assert.throws(() => new BuilderAIKits(options), (error) => check(error, ConfigurationError, message));
  }
  const client = new BuilderAIKits({ apiKey: KEY });
  const table = [
    [{ timeout: -1 }, '`timeout` must be more than 0'],
    [{ baseURL: 'https://example.com' }, '`baseURL` cannot be changed for a copy of a client, because copies share connections and limits. Create a new client.'],
    [{ rateLimit: { requests: 1 } }, '`rateLimit` cannot be changed for a copy of a client'],
    [{ retryBudget: false }, '`retryBudget` cannot be changed for a copy of a client'],
    [{ prices: {} }, '`prices` cannot be changed for a copy of a client'],
    [{ timeout_ms: 5 }, 'Unknown client option `timeout_ms`. Did you mean `timeout`?'],
    [undefined, 'Client options must be an object such as `{ apiKey }`, not undefined.'],
  ];
  for (const [options, message] of table) {
    assert.throws(() => client.withOptions(options), (error) => check(error, ConfigurationError, message));
  }
});

test('arguments that are not an options object are rejected with their type', () => {
  const client = new BuilderAIKits({ apiKey: KEY });
  for (const [argument, type] of NOT_OPTIONS) {
    const message = `Client options must be an object such as \`{ apiKey }\`, not ${type}.`;
    assert.throws(() => new BuilderAIKits(argument), (error) => check(error, ConfigurationError, message));
    assert.throws(() => client.withOptions(argument), (error) => check(error, ConfigurationError, message));
  }
});

test('rejected option is a property of the error', async () => {
  const client = new BuilderAIKits({ apiKey: KEY });
  const run = (options) => client.kits.run({ kit: 'k', input }, options);
  for (const [options, option] of [[{ timeout: NaN }, 'timeout'], [{ maxRetries: -1 }, 'maxRetries'], [{ signal: 1 }, 'signal'], [{ fetch: 1 }, 'fetch']]) {
    await assert.rejects(run(options), { name: 'InvalidRequestError', option });
  }
  for (const options of [{ maxConcurrency: 0 }, { rateLimit: 'fast' }, { rateLimit: { tokens: 0.5 } }, { rateLimit: { per_ms: 5 } }, { prices: { a: -1 } }]) {
    assert.throws(() => new BuilderAIKits({ apiKey: KEY, ...options }), { name: 'ConfigurationError', option: Object.keys(options)[0] });
  }
  await assert.rejects(client.kits.run({ kit: 'k', input: { prompt: 7 } }), { name: 'InvalidRequestError', option: 'input.prompt' });
  await assert.rejects(client.kits.run({ kit: 'k', input: { prompt: 7n } }), { name: 'InvalidRequestError', option: 'input.prompt' });
});

test('null options are the same as none', async () => {
  const { options } = await server();
  const client = new BuilderAIKits(options);
  for (const own of [null, undefined, {}, { signal: null, timeout: undefined }, Object.create(null)]) {
    assert.equal((await client.kits.run({ kit: 'k', input }, own)).id, 'run_1');
  }
});

test('error of a getter is the cause', async () => {
  const request = { kit: 'k', input, get more() { return throws('from the getter') } };
  const client = new BuilderAIKits({ apiKey: KEY });
  await assert.rejects(client.kits.run(request), ({ cause }) => cause.message === 'from the getter');
});

test('rejected call that is not awaited is an unhandled rejection and nothing worse', async () => {
  const result = await program(
    `import BuilderAIKits from '@builderaikits/sdk';
     process.on('unhandledRejection', (error) => console.log(error.name));
     const client = new BuilderAIKits({ apiKey: 'bak_x', baseURL: 'http://127.0.0.1:1', maxRetries: 0 });
     for (const input of [NaN, 5n, 'Hello']) client.kits.run({ kit: 'text-gen', input });
     console.log('goes on');`,
  );
  assert.deepEqual(result, {
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
