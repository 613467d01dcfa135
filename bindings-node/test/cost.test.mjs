// What runs cost, what requests may cost, and what is known of kits.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import BuilderAIKits, { InvalidRequestError, kitInfo } from '@builderaikits/sdk';
import { KEY, RUN, sandbox, server } from './service.mjs';

const cost = (usd, nanoUsd) => ({ usd, nanoUsd });

/** The kit, the option `prices`, the `usage` of the response, and the cost. */
const COSTS = [
  ['text-gen', undefined, { total_tokens: 332 }, cost('0.0001328', 132_800)],
  ['text-gen', {}, { input_tokens: 300, output_tokens: 32 }, cost('0.0001328', 132_800)],
  ['text-gen', {}, { total_tokens: 0 }, cost('0', 0)],
  ['text-gen', { 'text-gen': 0.0005 }, { total_tokens: 2 }, cost('0.000001', 1_000)],
  ['text-gen', { 'text-gen': '1.50' }, { total_tokens: 2_000 }, cost('3', 3_000_000_000)],
  // A fraction of a billionth is rounded up.
  ['text-gen', { 'text-gen': 5e-7 }, { total_tokens: 1 }, cost('0.000000001', 1)],
  ['summarizer', { 'text-gen': 1 }, { total_tokens: 2 }, cost('0.000001', 1_000)],
  ['new-kit', { 'new-kit': '0.001' }, { total_tokens: 1 }, cost('0.000001', 1_000)],
  ['new-kit', {}, { total_tokens: 1 }, undefined],
  ['text-gen', {}, {}, undefined],
  ['text-gen', {}, { input_tokens: 1 }, undefined],
];

test('run has the cost of its tokens', async () => {
  for (const [kit, prices, usage, expected] of COSTS) {
    const { options } = await server(() => ({ body: { output: { text: 'hi' }, usage } }));
    const run = await new BuilderAIKits({ ...options, prices }).kits.run({ kit, input: 'Hello' });
    assert.deepEqual(run.cost, expected, JSON.stringify([kit, prices, usage]));
  }
});

test('cost is not part of the response', async () => {
  for (const prices of [{}, { 'text-gen': 1 }]) {
    const { options } = await server();
    const run = await new BuilderAIKits({ ...options, prices }).kits.run({ kit: 'text-gen', input: 'Hello' });
    assert.ok(run.cost.nanoUsd > 0);
    for (const copy of [JSON.parse(JSON.stringify(run)), { ...run }, structuredClone(run)]) {
      assert.deepEqual([copy.cost, copy], [undefined, RUN]);
    }
    assert.ok(!inspect(run).includes('cost'));
  }
});

/** A request, the option `prices`, and its estimate: input tokens, maximum output tokens and maximum cost. */
const ESTIMATES = [
  [{ kit: 'text-gen', input: 'Hello, world', config: { max_tokens: 500 } }, {}, [3, 500, cost('0.0002012', 201_200)]],
  [{ kit: 'classifier', input: { prompt: '12345', context: '1' } }, {}, [3, 2_048, cost('0.0006153', 615_300)]],
  [{ kit: 'classifier', input: '1', config: { max_tokens: 9 } }, { classifier: 1 }, [1, 9, cost('0.01', 10_000_000)]],
  [{ kit: 'new-kit', input: '1', config: { max_tokens: 9 } }, {}, [1, 9, null]],
  [{ kit: 'new-kit', input: '1' }, { 'new-kit': 1 }, [1, null, null]],
];

test('estimate has tokens and the maximum cost, and sends nothing', async () => {
  const { options, requests } = await server();
  for (const [request, prices, [inputTokens, maxOutputTokens, maxCost]] of ESTIMATES) {
    const estimate = new BuilderAIKits({ ...options, prices }).kits.estimate(request);
    assert.deepEqual(estimate, { inputTokens, maxOutputTokens, maxCost });
  }
  assert.equal(requests.length, 0);
});

test('cost of a run is at most its estimate', async () => {
  const { options } = await sandbox();
  const client = new BuilderAIKits(options);
  const request = { kit: 'text-gen', input: 'What is a kit?', config: { max_tokens: 100 } };
  const { inputTokens, maxCost } = client.kits.estimate(request);
  const run = await client.kits.run(request);
  assert.equal(run.usage.input_tokens, inputTokens);
  assert.ok(run.cost.nanoUsd > 0 && run.cost.nanoUsd <= maxCost.nanoUsd);
});

/** Requests that cannot be estimated, and how the message begins. */
const INVALID = [
  [undefined, 'The request must be an object'],
  [{}, 'kit is required'],
  [{ kit: 'k', input: 7 }, 'input must be an object'],
  [{ kit: 'k', input: { prompt: 'prompt-canary \ud800' } }, 'input.prompt contains an unpaired surrogate'],
  [{ kit: 'k', input: 'prompt-canary', config: { max_tokens: 1.5 } }, 'config.max_tokens must be an integer'],
  [{ kit: 'k', input: 'prompt-canary', config: { temperature: NaN } }, 'config.temperature must be a finite number, not NaN.'],
];

test('estimate rejects what run rejects', () => {
  const client = new BuilderAIKits({ apiKey: KEY });
  for (const [request, message] of INVALID) {
    assert.throws(() => client.kits.estimate(request), (error) => {
      assert.ok(error instanceof InvalidRequestError && error.message.startsWith(message), error);
      assert.ok(!error.stack.includes('canary') && /^    at .*cost\.test\.mjs/.test(error.stack.split('\n')[1]), error.stack);
      return true;
    });
  }
});

test('kitInfo has purpose, limit and price of known kits', () => {
  assert.deepEqual(kitInfo('summarizer'), {
    id: 'summarizer',
    purpose: 'document and article summarization',
    maxTokens: 16_384,
    pricePer1kTokens: cost('0.0005', 500_000),
  });
  for (const id of ['text-gen', 'code-assist', 'classifier']) {
    assert.ok(kitInfo(id).id === id && kitInfo(id).pricePer1kTokens.nanoUsd > 0);
  }
  for (const id of ['new-kit', 'Summarizer', '', undefined, '__proto__']) {
    assert.equal(kitInfo(id), undefined);
  }
  kitInfo('text-gen').pricePer1kTokens.usd = 'changed';
  assert.equal(kitInfo('text-gen').pricePer1kTokens.usd, '0.0004');
});
