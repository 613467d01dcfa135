// Rate limits and the retry budget: the options, what the client keeps to, what it counts, and its errors.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import BuilderAIKits, { RateLimitError } from '@builderaikits/sdk';
import { KEY, RUN, program, sandbox, server, waitUntil } from './service.mjs';

const HELLO = { kit: 'text-gen', input: 'prompt-canary' };

/** The option, and the limit in force: requests, tokens and milliseconds. */
const LIMITS = [
  [undefined, undefined],
  ['auto', undefined],
  ['off', undefined],
  ['maker', [30, 15_000, 60_000]],
  ['builder', [120, 100_000, 60_000]],
  ['30,15000/6s', [30, 15_000, 6_000]],
  [' 30 ', [30, null, 60_000]],
  [{ requests: 30, tokens: 15_000, per: 250 }, [30, 15_000, 250]],
  [{ requests: 30, tokens: undefined }, [30, null, 60_000]],
  [{ tokens: 7 }, [null, 7, 60_000]],
];

test('rateLimit in each form is the limit in force', () => {
  for (const [rateLimit, limit] of LIMITS) {
    const { pacing, ...counts } = new BuilderAIKits({ apiKey: KEY, rateLimit }).usage();
    const [limitRequests, limitTokens, limitPerMs] = limit ?? [null, null, null];
    const none = { requestsInWindow: 0, tokensInWindow: 0, inFlight: 0, waiting: 0, closedForMs: null };
    assert.deepEqual(pacing, { limitOrigin: limit === undefined ? null : 'configured', limitRequests, limitTokens, limitPerMs, ...none });
    const tokens = { inputTokens: 0, outputTokens: 0, totalTokens: 0, runsWithUnknownUsage: 0, cost: { usd: '0', nanoUsd: 0 } };
    assert.deepEqual(counts, { calls: 0, attempts: 0, runs: 0, failures: 0, rateLimited: 0, ...tokens });
  }
});

test('BUILDERAIKITS_RATE_LIMIT is used without the option', async () => {
  const source = `import BuilderAIKits from '@builderaikits/sdk';
    const limit = (options) => new BuilderAIKits({ apiKey: 'bak_x', ...options }).usage().pacing.limitRequests;
    console.log(limit({}), limit({ rateLimit: { requests: 3 } }), limit({ rateLimit: 'off' }));
    process.env.BUILDERAIKITS_RATE_LIMIT = 'fast';
    try { limit({}); } catch (error) { console.log(error.name, error.option, error.message.slice(0, 50)); }`;
  const { stdout, stderr } = await program(source, { env: { BUILDERAIKITS_RATE_LIMIT: '7/2s' } });
  const message = 'BUILDERAIKITS_RATE_LIMIT: `rateLimit` is not known';
  assert.deepEqual([stdout, stderr], [`7 3 null\nConfigurationError rateLimit ${message}\n`, '']);
});

test('usage counts calls, tokens and cost of a client and its copies', async () => {
  const { options } = await sandbox();
  const client = new BuilderAIKits(options);
  const copy = client.withOptions({ maxRetries: 0 });
  const runs = await Promise.all([client, client, copy].map(({ kits }) => kits.run(HELLO)));
  await assert.rejects(copy.kits.run({ kit: 'no-such-kit', input: 'Hello' }), { status: 400 });
  await assert.rejects(client.kits.run({}), { kind: 'invalid_request' });
  const sum = (values) => values.reduce((total, value) => total + value);
  const { pacing, cost, ...counts } = client.usage();
  assert.deepEqual(counts, {
    calls: 4,
    attempts: 4,
    runs: 3,
    failures: 1,
    rateLimited: 0,
    inputTokens: sum(runs.map(({ usage }) => usage.input_tokens)),
    outputTokens: sum(runs.map(({ usage }) => usage.output_tokens)),
    totalTokens: sum(runs.map(({ usage }) => usage.total_tokens)),
    runsWithUnknownUsage: 0,
  });
  assert.equal(cost.nanoUsd, sum(runs.map(({ cost }) => cost.nanoUsd)));
  assert.equal(Number(cost.usd), cost.nanoUsd / 1e9);
  assert.deepEqual([pacing.limitOrigin, pacing.inFlight, pacing.waiting], [null, 0, 0]);
  client.close();
  for (const { calls, totalTokens } of [client.usage(), copy.usage()]) {
    assert.deepEqual([calls, totalTokens], [4, counts.totalTokens]);
  }
});

test('usage counts responses without usage, and attempts that got 429', async () => {
  const { options } = await server((count) => (count === 1 ? { status: 429, headers: { 'retry-after': '0.1' }, body: 'no' } : { body: { output: RUN.output } }));
  const client = new BuilderAIKits(options);
  await client.kits.run(HELLO);
  const { calls, attempts, runs, failures, rateLimited, runsWithUnknownUsage, totalTokens } = client.usage();
  assert.deepEqual([calls, attempts, runs, failures, rateLimited, runsWithUnknownUsage, totalTokens], [1, 2, 1, 0, 1, 1, 0]);
});

test('calls beyond the limit wait, and are sent when there is room', async () => {
  const { options } = await sandbox();
  const client = new BuilderAIKits({ ...options, rateLimit: { requests: 2, per: 200 } });
  const startedAt = performance.now();
  const runs = await Promise.all(Array.from({ length: 5 }, () => client.kits.run(HELLO)));
  // The third waits for the first, and the fifth for the third.
  assert.ok(performance.now() - startedAt >= 400);
  assert.deepEqual(runs.map(({ responseMetadata }) => responseMetadata.attempts), [1, 1, 1, 1, 1]);
  assert.equal(client.usage().rateLimited, 0);
});

test('usage shows what waits and what counts towards the limit', async () => {
  const { options } = await sandbox();
  const client = new BuilderAIKits({ ...options, rateLimit: '3/60s', timeout: null });
  const controller = new AbortController();
  let runs = 0;
  const calls = Array.from({ length: 5 }, () => client.kits.run(HELLO, { signal: controller.signal }).then(() => (runs += 1)));
  const results = Promise.allSettled(calls);
  await waitUntil(() => runs === 3 && client.usage().calls === 5 && client.usage().pacing.waiting === 2);
  const { requestsInWindow, inFlight } = client.usage().pacing;
  assert.deepEqual([requestsInWindow, inFlight], [3, 0]);
  controller.abort();
  assert.equal((await results).filter(({ reason }) => reason?.kind === 'cancelled').length, 2);
  await waitUntil(() => client.usage().pacing.waiting === 0);
});

test('call that the limit would hold back beyond its timeout fails at once, without a status', async () => {
  const { options, requests } = await server();
  const client = new BuilderAIKits({ ...options, rateLimit: '1/60s', timeout: 5_000 });
  await client.kits.run(HELLO);
  const error = await client.kits.run(HELLO, { idempotencyKey: 'key-1' }).then(() => assert.fail(), (error) => error);
  assert.equal(requests.length, 1);
  assert.equal(error.constructor, RateLimitError);
  assert.deepEqual([error.kind, error.status, error.attempts, error.retryStoppedBy], ['rate_limit', undefined, 0, 'rate_limit']);
  assert.deepEqual([error.mayHaveRun, error.isRetryable, error.idempotencyKey], [false, true, 'key-1']);
  assert.deepEqual([error.body, error.headers, error.code, error.requestID], [undefined, undefined, undefined, undefined]);
  assert.ok(error.retryAfterMs > 5_000 && error.retryAfterMs <= 61_000, error.retryAfterMs);
  assert.ok(error.elapsedMs < 5_000);
  assert.match(error.message, /^Not sent: .*1 request per 60 s \(`rateLimit`\).* after `timeout` \(5 s\)\. Raise `timeout`/);
  assert.equal(String(error), `RateLimitError: ${error.message}`);
  for (const shown of [inspect(error), JSON.stringify(error), String(error), structuredClone(error).stack]) {
    assert.ok(!/canary|`rate_limit`|status/.test(shown), shown);
  }
});

test('rejected attempt whose retry the limit holds back beyond the timeout has the status of the attempt', async () => {
  const { options } = await server(() => ({ status: 500, body: 'no' }));
  const client = new BuilderAIKits({ ...options, rateLimit: '1/60s', timeout: 5_000 });
  const error = await client.kits.run(HELLO).then(() => assert.fail(), (error) => error);
  assert.deepEqual([error.kind, error.status, error.attempts, error.retryStoppedBy], ['server', 500, 1, 'rate_limit']);
  assert.match(error.message, /\(not retried: .*1 request per 60 s \(`rateLimit`\).*`timeout` \(5 s\)\)$/);
});

/** The option, and the attempts of 60 calls with one retry each: 35 retries empty the budget. */
const BUDGETS = [
  [undefined, 95],
  [true, 95],
  [false, 120],
];

test('retryBudget limits retries, and false does not', async () => {
  for (const [retryBudget, expected] of BUDGETS) {
    const { options } = await server(() => ({ status: 500, body: 'no' }));
    const client = new BuilderAIKits({ ...options, maxRetries: 1, retryBudget });
    const results = await Promise.allSettled(Array.from({ length: 60 }, () => client.kits.run(HELLO)));
    assert.equal(client.usage().attempts, expected);
    const stopped = results.filter(({ reason }) => reason.retryStoppedBy === 'retry_budget');
    assert.equal(stopped.length, 120 - expected);
    assert.ok(stopped.every(({ reason }) => reason.message.endsWith("(not retried: the client's `retryBudget` is empty)")));
  }
});
