// Errors: classes, fields, causes, stacks, and what they do not show.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { inspect } from 'node:util';
import BuilderAIKits, * as sdk from '@builderaikits/sdk';
import { KEY, server } from './service.mjs';

const HELLO = { kit: 'text-gen', input: 'prompt-canary' };
const CLOSED_PORT = { apiKey: KEY, baseURL: 'http://127.0.0.1:1', maxRetries: 0 };
const STATUSES = [
  [400, sdk.BadRequestError, 'bad_request'],
  [401, sdk.AuthenticationError, 'authentication'],
  [403, sdk.PermissionDeniedError, 'permission_denied'],
  [404, sdk.NotFoundError, 'not_found'],
  [409, sdk.ConflictError, 'conflict'],
  [418, sdk.APIStatusError, 'status'],
  [422, sdk.UnprocessableEntityError, 'unprocessable'],
  [429, sdk.RateLimitError, 'rate_limit'],
  [503, sdk.InternalServerError, 'server'],
];

test('statuses map to their class, with all fields', async () => {
  for (const [status, Class, kind] of STATUSES) {
    const headers = { 'x-request-id': 'req_7', 'retry-after': '1.5', 'x-two': ['a', 'b'] };
    const body = { error: { message: 'no such luck', code: 'luck' } };
    const { options } = await server(() => ({ status, headers, body }));
    const error = await runError({ ...options, maxRetries: 0 });
    assert.equal(error.constructor, Class);
    assert.ok(error instanceof sdk.APIStatusError && error instanceof sdk.APIError && error instanceof Error);
    assert.deepEqual([error.name, error.kind, error.status, error.code], [Class.name, kind, status, 'luck']);
    assert.deepEqual([error.message, error.requestID, error.attempts], ['no such luck', 'req_7', 1]);
    assert.deepEqual(JSON.parse(Buffer.from(error.body).toString()), body);
    assert.deepEqual([error.headers['x-request-id'], error.headers['x-two']], ['req_7', 'a, b']);
    assert.equal(error.retryAfterMs, 1500);
    assert.equal(error.mayHaveRun, status >= 500);
    assert.equal(error.isRetryable, status === 429 || status >= 500);
    assert.ok(error.elapsedMs > 0 && error.idempotencyKey.length === 36);
    assert.equal(String(error), `${Class.name}: ${status}: no such luck (request req_7, 1 attempt)`);
  }
});

test('errors without a response map to their class', async () => {
  const silent = await server(() => undefined);
  const invalid = await server(() => ({ body: Buffer.from([0xff, 0xfe]) }));
  const plainText = createServer((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n')).listen(0, '127.0.0.1').unref();
  await once(plainText, 'listening');
  const table = [
    [CLOSED_PORT, sdk.APIConnectionError, 'connection', false],
    [{ ...silent.options, timeout: 100 }, sdk.APITimeoutError, 'timeout', true],
    [invalid.options, sdk.APIResponseValidationError, 'bad_response', true],
    [{ ...CLOSED_PORT, baseURL: `https://127.0.0.1:${plainText.address().port}` }, sdk.APIConnectionError, 'tls', false],
  ];
  for (const [options, Class, kind, mayHaveRun] of table) {
    const error = await runError(options);
    assert.equal(error.constructor, Class);
    assert.deepEqual([error.name, error.kind, error.mayHaveRun], [Class.name, kind, mayHaveRun]);
  }
  assert.deepEqual([...(await runError(invalid.options)).body], [0xff, 0xfe]);
  assert.ok(new sdk.APITimeoutError() instanceof sdk.APIConnectionError);
});

test('closed port: the cause has the code of the operating system', async () => {
  const { cause } = await runError(CLOSED_PORT);
  assert.ok(cause instanceof Error);
  assert.equal(cause.code, 'ECONNREFUSED');
});

/** Error records as the addon hands them over, and what the error then has. */
const RECORDS = [
  [{ kind: 'rate_limit', status: 429, message: '`base_url`' }, { constructor: sdk.RateLimitError, message: '`base_url`' }],
  [{ kind: 'config', message: '`base_url`, `allow_http`, `kit`' }, { constructor: sdk.ConfigurationError, message: '`baseURL`, `allowHTTP`, `kit`' }],
  [{ status: 429, message: '`base_url` (not retried: `rate_limit`)' }, { message: '`base_url` (not retried: `rateLimit`)' }],
  [{ kind: 'rate_limit', message: '`rate_limit.per`, `input.prompt`' }, { constructor: sdk.RateLimitError, status: undefined, message: '`rateLimit.per`, `input.prompt`' }],
  [{ option: 'max_retries' }, { option: 'maxRetries' }],
  [{ option: 'input.prompt' }, { option: 'input.prompt' }],
  [{ retry_after: 1.1, elapsed: 0.25 }, { retryAfterMs: 1100, elapsedMs: 250 }],
  [{ request_id: 'r', a_new_field: [1] }, { requestID: 'r', aNewField: [1] }],
  [{ headers: [['__proto__', '1'], ['a', '2'], ['a', '3']] }, { headers: JSON.parse('{"__proto__": "1", "a": "2, 3"}') }],
  [{ cause: { message: 'why' } }, { cause: Object.assign(new Error('why')) }],
  [{ cause: { message: 'why', errno: 99_999 } }, { cause: new Error('why') }],
  [{ kind: 'of-tomorrow' }, { constructor: sdk.BuilderAIKitsError, name: 'BuilderAIKitsError', kind: 'of-tomorrow' }],
];

test('fields of an error record are copied by name', () => {
  const { Failure } = createRequire(import.meta.url)('../dist/failure.js');
  for (const [record, expected] of RECORDS) {
    const json = JSON.stringify({ kind: 'internal', message: 'm', display: 'd', attempts: 1, ...record });
    const error = Failure.fromRecord({ json }).toError(() => undefined);
    for (const [name, value] of Object.entries(expected)) {
      assert.deepEqual(error[name], value, json);
    }
    assert.equal(error.display, undefined);
  }
});

test('errors can be constructed directly', () => {
  const cause = new Error('why');
  const error = new sdk.RateLimitError('slow down', { status: 429, retryAfterMs: 2000, requestID: 'r', attempts: undefined, cause });
  assert.deepEqual([error.kind, error.attempts, error.mayHaveRun, error.body], ['rate_limit', 0, false, undefined]);
  assert.equal(error.retryAfterMs, 2000);
  assert.equal(error.cause, cause);
  assert.equal(String(error), 'RateLimitError: 429: slow down (request r, 0 attempts)');
  assert.match(error.stack, /^RateLimitError: slow down\n.*errors\.test\.mjs/);
  assert.deepEqual([new sdk.APIConnectionError().kind, new sdk.APIConnectionError('m', { kind: 'tls' }).kind], ['connection', 'tls']);
  assert.equal(String(new sdk.RateLimitError('not sent', { retryStoppedBy: 'rate_limit' })), 'RateLimitError: not sent');
  class Own extends sdk.APIStatusError {}
  assert.ok(new Own('x') instanceof sdk.APIError);
});

test('classes have their own name, which does not depend on Class.name', () => {
  const classes = Object.entries(sdk).filter(([, Class]) => Class.prototype instanceof Error);
  assert.equal(classes.length, 19);
  for (const [name, Class] of classes) {
    assert.equal(Class.prototype.name, name);
    assert.ok(Object.hasOwn(Class.prototype, 'name') && Object.hasOwn(Class.prototype, 'kind'), name);
  }
});

test('stack starts where the call is awaited', async () => {
  const { options } = await server(() => ({ status: 400, body: 'no' }));
  const client = new BuilderAIKits(options);
  async function caller(request) {
    return await client.kits.run(request);
  }
  for (const call of [() => caller(HELLO), () => caller({}), () => Promise.all([caller(HELLO)])]) {
    const error = await call().then(() => assert.fail(), (error) => error);
    // Node's own frame of an event loop turn may come first.
    const [first] = error.stack.split('\n').slice(1).filter((line) => !line.includes('(node:internal'));
    assert.match(first, /at async caller .*errors\.test\.mjs/);
  }
  for (const create of [() => new BuilderAIKits({ timeout: 0 }), () => client.withOptions({ timeout: 0 })]) {
    assert.throws(create, ({ stack }) => /^    at .*errors\.test\.mjs/.test(stack.split('\n')[1]));
  }
});

test('errors show neither key nor prompt nor body', async () => {
  const echo = { error: { message: `who is ${KEY}?`, echo: ['prompt-canary', KEY] } };
  const { options } = await server(() => ({ status: 400, body: echo }));
  const error = await runError(options);
  assert.ok(error.message.includes('who is') && Buffer.from(error.body).includes('prompt-canary'));
  for (const shown of [inspect(error, { depth: 9 }), JSON.stringify(error), String(error), error.stack, JSON.stringify({ ...error })]) {
    assert.ok(!shown.includes('canary'), shown);
  }
});

async function runError(options) {
  return new BuilderAIKits(options).kits.run(HELLO).then(() => assert.fail('the call did not fail'), (error) => error);
}
