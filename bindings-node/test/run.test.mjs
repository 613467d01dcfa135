// What a call returns, and what it sends.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { inspect } from 'node:util';
import BuilderAIKits, * as sdk from '@builderaikits/sdk';
import { KEY, PACKAGE, RUN, program, sandbox, server } from './service.mjs';

const HELLO = { kit: 'text-gen', input: 'Hello' };

test('run is a plain object', async () => {
  const { options } = await server();
  const run = await new BuilderAIKits(options).kits.run(HELLO);
  assert.deepEqual(run, RUN);
  assert.equal(Object.getPrototypeOf(run), Object.prototype);
  assert.equal(JSON.stringify(run), JSON.stringify(RUN));
  assert.deepEqual(structuredClone(run), RUN);
  assert.deepEqual({ ...run }, RUN);
  assert.ok(!inspect(run, { showHidden: true, depth: 9 }).includes(KEY));
});

test('responseMetadata is attached and not enumerable', async () => {
  const headers = { 'x-request-id': 'req_9', 'x-two': ['a', 'b'] };
  const { options, requests } = await server(() => ({ headers, body: RUN }));
  const { responseMetadata, ...others } = await new BuilderAIKits(options).kits.run(HELLO);
  assert.deepEqual(Object.keys(others), Object.keys(RUN));
  assert.equal(responseMetadata.attempts, 1);
  assert.equal(responseMetadata.requestID, 'req_9');
  assert.equal(responseMetadata.idempotencyKey, requests[0].headers['idempotency-key']);
  assert.equal(responseMetadata.headers['x-two'], 'a, b');
  assert.ok(responseMetadata.elapsedMs > 0);
  assert.deepEqual(Object.keys(responseMetadata), ['attempts', 'requestID', 'idempotencyKey', 'elapsedMs', 'headers']);
});

test('response fields named responseMetadata and cost are in the JSON of a run only', async () => {
  const body = { ...RUN, responseMetadata: 'from the service', cost: 0.25 };
  const { options } = await server(() => ({ body }));
  const run = await new BuilderAIKits(options).kits.run(HELLO);
  assert.equal(run.responseMetadata.attempts, 1);
  assert.equal(run.cost.nanoUsd, 800);
  assert.deepEqual(JSON.parse(JSON.stringify(run)), body);
});

test('unknown fields are kept in place', async () => {
  const odd = {
    ...RUN,
    output: { text: 'hi', tone: { of: ['voice'] } },
    usage: { ...RUN.usage, cached_tokens: 1 },
    status: 7,
    then: 'not a promise',
    __proto__: null,
    price: 0.25,
  };
  const { options } = await server(() => ({ body: odd }));
  const run = await new BuilderAIKits(options).kits.run(HELLO);
  assert.deepEqual({ ...run }, { ...odd });
});

test('missing fields are missing', async () => {
  const { options } = await server(() => ({ body: { output: { text: '' } } }));
  const run = await new BuilderAIKits(options).kits.run(HELLO);
  assert.deepEqual(run, { output: { text: '' }, usage: {} });
  assert.equal(run.responseMetadata.requestID, null);
});

test('all kinds of text survive in both directions', async () => {
  const texts = ['', 'ASCII', 'für', '日本語', '😀', '\u0000\u001f"\\', '\u2028', '\ufeff', 'a'.repeat(1 << 20), 'é'.repeat(1 << 18)];
  const { options, requests } = await server((count) => ({ body: { output: { text: texts[count - 1] } } }));
  const client = new BuilderAIKits(options);
  for (const text of texts) {
    const run = await client.kits.run({ kit: 'text-gen', input: { prompt: text, context: text } });
    assert.ok(run.output.text === text && requests.at(-1).body.input.context === text, text.slice(0, 20));
  }
});

test('request reaches the server unchanged, with its headers', async () => {
  const { options, requests } = await server();
  const client = new BuilderAIKits({ ...options, headers: { 'x-a': '1', 'x-b': '1', 'x-none': undefined }, appName: 'app/1' });
  class Request {
    kit = 'a-new-kit';
    input = { prompt: 'p', context: 'c', files: [{ id: 1 }] };
    config = { max_tokens: 5, temperature: 0, top_p: 0.5, seed: undefined };
    trace = new Date(0);
  }
  await client.kits.run(new Request(), { idempotencyKey: 'key-1', headers: { 'X-B': '2' } });
  const [{ headers, body }] = requests;
  assert.deepEqual(body, {
    kit: 'a-new-kit',
    input: { prompt: 'p', context: 'c', files: [{ id: 1 }] },
    config: { max_tokens: 5, temperature: 0, top_p: 0.5 },
    trace: '1970-01-01T00:00:00.000Z',
  });
  assert.equal(headers.authorization, `Bearer ${KEY}`);
  assert.equal(headers['idempotency-key'], 'key-1');
  assert.deepEqual([headers['x-a'], headers['x-b'], headers['x-none']], ['1', '2', undefined]);
  assert.match(headers['user-agent'], /^builderaikits-node\/\d+\.\d+\.\d+.* app\/1$/);
});

test('headers are accepted in every form that fetch accepts', async () => {
  const { options, requests } = await server();
  const client = new BuilderAIKits(options);
  for (const headers of [{ 'x-a': '1' }, new Headers({ 'x-a': '1' }), new Map([['x-a', '1']]), [['x-a', '1']]]) {
    await client.kits.run(HELLO, { headers });
    assert.equal(requests.at(-1).headers['x-a'], '1');
  }
});

test('copies share connections and are closed with the original', async () => {
  const { options, requests } = await server(() => ({ status: 500, body: 'no' }));
  const client = new BuilderAIKits({ ...options, maxRetries: 0, headers: { 'x-a': '1' } });
  const copy = client.withOptions({ apiKey: 'bak_other', maxRetries: 1, headers: { 'x-b': '1' }, timeout: null });
  await assert.rejects(copy.kits.run(HELLO), { attempts: 2 });
  await assert.rejects(client.kits.run(HELLO), { attempts: 1 });
  assert.deepEqual(requests.map(({ headers }) => headers.authorization), ['Bearer bak_other', 'Bearer bak_other', `Bearer ${KEY}`]);
  assert.deepEqual([requests[0].headers['x-a'], requests[0].headers['x-b']], [undefined, '1']);
  copy.close();
  await assert.rejects(copy.kits.run(HELLO), sdk.ClientClosedError);
  await assert.rejects(client.kits.run(HELLO), { attempts: 1 });
  const other = client.withOptions({});
  client.close();
  await assert.rejects(other.kits.run(HELLO), sdk.ClientClosedError);
  assert.equal(requests.length, 4);
});

test('close lets calls in flight finish', async () => {
  const { options } = await sandbox('--latency-ms', '200');
  const client = new BuilderAIKits(options);
  const run = client.kits.run(HELLO);
  await client[Symbol.asyncDispose]();
  await assert.rejects(client.kits.run(HELLO), sdk.ClientClosedError);
  assert.match((await run).output.text, /sandbox/);
});

test('key from the environment is sent and never shown', async () => {
  const { env } = await server();
  const { code, stdout, stderr } = await program(
    `import BuilderAIKits from '@builderaikits/sdk';
     const client = new BuilderAIKits();
     const run = await client.kits.run({ kit: 'text-gen', input: 'Hello' });
     console.log(client, [client.kits], JSON.stringify(client), run.output.text);`,
    { env },
  );
  assert.deepEqual([code, stderr], [0, '']);
  assert.ok(stdout.includes('BuilderAIKits { baseURL:') && stdout.endsWith(' hi\n') && !stdout.includes(KEY), stdout);
});

test('import and require export the same names and classes', () => {
  const required = createRequire(import.meta.url)('@builderaikits/sdk');
  assert.equal(required, BuilderAIKits);
  const { default: _, ...named } = sdk;
  assert.deepEqual(Object.keys(named).sort(), Object.keys(required).sort());
  for (const [name, value] of Object.entries(named)) {
    assert.equal(required[name], value, name);
  }
  const source = (file) => readFileSync(join(PACKAGE, 'ts', file), 'utf8');
  for (const [, name] of source('types.ts').matchAll(/^export (?:interface|type) (\w+)/gm)) {
    assert.ok(source('index.ts').includes(`export type ${name} = types.${name};`), name);
  }
});
