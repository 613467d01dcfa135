// The examples, run as a reader would run them.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PACKAGE, ROOT, file, program, sandbox } from './service.mjs';

const EXAMPLES = join(ROOT, 'examples', 'node');

test('quickstart prints the run', async () => {
  const { env } = await sandbox();
  const { code, stdout, stderr } = await file(join(EXAMPLES, 'quickstart.mjs'), { env, args: ['What is a kit?'] });
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, /You asked: "What is a kit\?"[^]*\(completed\)[^]* 1 attempt\(s\)\n$/);
});

test('errors prints the error and advice', async () => {
  const { env } = await sandbox();
  const table = [
    [{ BUILDERAIKITS_API_KEY: '' }, '`apiKey`', 'Set BUILDERAIKITS_API_KEY'],
    [{ BUILDERAIKITS_API_KEY: 'bak_revoked_1' }, '401: ', 'Create a new one'],
    [{ BUILDERAIKITS_BASE_URL: 'http://127.0.0.1:1/v1' }, '(3 attempts)', 'did not run'],
  ];
  for (const [more, text, advice] of table) {
    const { code, stdout, stderr } = await file(join(EXAMPLES, 'errors.mjs'), { env: { ...env, ...more } });
    assert.deepEqual([code, stdout], [1, '']);
    const [first, second] = stderr.split('\n');
    assert.ok(first.includes(text) && second.includes(advice), stderr);
  }
  const { code, stderr } = await file(join(EXAMPLES, 'errors.mjs'), { env });
  assert.deepEqual([code, stderr], [0, '']);
});

test('concurrency stops after fifty runs', async () => {
  const { env } = await sandbox('--latency-ms', '20');
  const { code, stdout, stderr } = await file(join(EXAMPLES, 'concurrency.mjs'), { env });
  assert.deepEqual([code, stderr], [0, '']);
  const [, runs, aborted] = /^(\d+) runs, \d+ tokens\n(\d+) calls aborted\n$/.exec(stdout).map(Number);
  // Runs that complete together with the fiftieth count too.
  assert.ok(runs >= 50 && aborted > 0 && runs + aborted === 100, stdout);
});

test('plan prints runs, tokens, cost and usage', async () => {
  const { env } = await sandbox();
  const { code, stdout, stderr } = await file(join(EXAMPLES, 'plan.mjs'), { env, args: ['7'] });
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, /^7 runs, 0 failed\n\d+ tokens, 0\.\d+ US dollars\n\{\n  calls: 7,[^]*limitRequests: 30,/);
});

test('plan has at most 12 lines of code besides imports', () => {
  const lines = readFileSync(join(EXAMPLES, 'plan.mjs'), 'utf8').split('\n');
  assert.ok(lines.filter((line) => !/^(\/\/|import |$)/.test(line)).length <= 12);
});

test('README example of rate limits and cost runs as written', async () => {
  const [, source] = /## Rate limits and cost\n[^]*?```ts\n([^]*?)```/.exec(readFileSync(join(PACKAGE, 'README.md'), 'utf8'));
  const { env } = await sandbox();
  const { code, stdout, stderr } = await program(source, { env });
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, /^3 500 0\.0002012 0\.0004\n0\.\d+ \d+\n1 \d+ 0\.\d+ 30\n$/);
});

test('examples have at most 40 lines', () => {
  for (const name of readdirSync(EXAMPLES).filter((name) => name.endsWith('.mjs'))) {
    assert.ok(readFileSync(join(EXAMPLES, name), 'utf8').split('\n').length <= 41, name);
  }
});
