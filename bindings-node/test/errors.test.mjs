// Errors: their classes, their fields, their stacks, and what they do not show.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { inspect } from 'node:util';
import BuilderAIKits, * as sdk from '@builderaikits/sdk';
import { KEY, server } from './service.mjs';

const HELLO = { kit: 'text-gen', input: 'prompt-canary' };
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

test('a status has its class', async () => {
  for (const [status, Class, kind] of STATUSES) {
    const headers = { 'x-request-id': 'req_7', 'retry-after': '1.5' };
    const body = { error: { message: 'no such luck', code: 'luck' } };
    const { options } = await server(() => ({ status, headers, body }));
    const error = await failed({ ...options, maxRetries: 0 });
    assert.equal(error.constructor, Class);
    assert.ok(error instanceof sdk.APIStatusError && error instanceof sdk.APIError && error instanceof Error);
    assert.deepEqual([error.name, error.kind, error.status, error.code], [Class.name, kind, status, 'luck']);
    assert.deepEqual([error.message, error.requestID, error.attempts], ['no such luck', 'req_7', 1]);
    assert.deepEqual(JSON.parse(Buffer.from(error.body).toString()), body);
    assert.equal(error.headers['x-request-id'], 'req_7');
    assert.equal(error.retryAfter, 1500);
    assert.equal(error.mayHaveRun, status >= 500);
    assert.equal(error.isRetryable, status === 429 || status >= 500);
    assert.ok(error.elapsed > 0 && error.idempotencyKey.length === 36);
    assert.equal(String(error), `${Class.name}: ${status}: no such luck (request req_7, 1 attempt)`);
  }
});

test('what is no answer has its class', async () => {
  const nobody = { apiKey: KEY, baseURL: 'http://127.0.0.1:1', maxRetries: 0 };
  const silent = await server(() => undefined);
  const odd = await server(() => ({ body: Buffer.from([0xff, 0xfe]) }));
  const untrusted = createServer((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n')).listen(0, '127.0.0.1').unref();
  await once(untrusted, 'listening');
  const table = [
    [nobody, sdk.APIConnectionError, 'connection', false],
    [{ ...silent.options, timeout: 100 }, sdk.APITimeoutError, 'timeout', true],
    [odd.options, sdk.APIResponseValidationError, 'bad_response', true],
    [{ ...nobody, baseURL: `https://127.0.0.1:${untrusted.address().port}` }, sdk.APIConnectionError, 'tls', false],
  ];
  for (const [options, Class, kind, mayHaveRun] of table) {
    const error = await failed(options);
    assert.equal(error.constructor, Class);
    assert.deepEqual([error.name, error.kind, error.mayHaveRun], [Class.name, kind, mayHaveRun]);
  }
  assert.deepEqual([...(await failed(odd.options)).body], [0xff, 0xfe]);
  assert.ok(new sdk.APITimeoutError() instanceof sdk.APIConnectionError);
});

test('a kind that is not known is of the base class', () => {
  const { errorOf } = createRequire(import.meta.url)('../dist/errors.js');
  const failed = { kind: 'of-tomorrow', message: 'm', attempts: 1, mayHaveRun: false, isRetryable: false, elapsed: 1 };
  const error = errorOf(failed, {}, () => undefined);
  assert.equal(error.constructor, sdk.BuilderAIKitsError);
  assert.deepEqual([error.kind, error.name], ['of-tomorrow', 'BuilderAIKitsError']);
});

test('users can make them', () => {
  const cause = new Error('why');
  const error = new sdk.RateLimitError('slow down', { status: 429, retryAfter: 2000, requestID: 'r', cause });
  assert.deepEqual([error.kind, error.attempts, error.mayHaveRun, error.body], ['rate_limit', 0, false, undefined]);
  assert.equal(error.cause, cause);
  assert.equal(String(error), 'RateLimitError: 429: slow down (request r, 0 attempts)');
  assert.match(error.stack, /^RateLimitError: slow down\n.*errors\.test\.mjs/);
  class Own extends sdk.APIStatusError {}
  assert.ok(new Own('x') instanceof sdk.APIError);
});

test('a stack begins where the call is awaited', async () => {
  const { options } = await server(() => ({ status: 400, body: 'no' }));
  const client = new BuilderAIKits(options);
  async function caller(request) {
    return await client.kits.run(request);
  }
  for (const call of [() => caller(HELLO), () => caller({}), () => Promise.all([caller(HELLO)])]) {
    const error = await call().then(() => assert.fail(), (error) => error);
    // Node's own frame of a turn of its loop may stand first.
    const [first] = error.stack.split('\n').slice(1).filter((line) => !line.includes('(node:internal'));
    assert.match(first, /at async caller .*errors\.test\.mjs/);
  }
  assert.throws(() => new BuilderAIKits({ timeout: 0 }), ({ stack }) => /^    at .*errors\.test\.mjs/.test(stack.split('\n')[1]));
});

test('neither key nor prompt nor body are shown', async () => {
  const echo = { error: { message: `who is ${KEY}?`, echo: ['prompt-canary', KEY] } };
  const { options } = await server(() => ({ status: 400, body: echo }));
  const error = await failed(options);
  assert.ok(error.message.includes('who is') && Buffer.from(error.body).includes('prompt-canary'));
  for (const shown of [inspect(error, { depth: 9 }), JSON.stringify(error), String(error), error.stack, JSON.stringify({ ...error })]) {
    assert.ok(!shown.includes('canary'), shown);
  }
});

async function failed(options) {
  return new BuilderAIKits(options).kits.run(HELLO).then(() => assert.fail('it did not fail'), (error) => error);
}
