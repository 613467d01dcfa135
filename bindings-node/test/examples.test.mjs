// The examples, as a reader would run them.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT, file, sandbox } from './service.mjs';

const EXAMPLES = join(ROOT, 'examples', 'node');

test('quickstart', async () => {
  const { env } = await sandbox();
  const ended = await file(join(EXAMPLES, 'quickstart.mjs'), { env, args: ['What is a kit?'] });
  assert.deepEqual([ended.code, ended.stderr], [0, '']);
  assert.match(ended.stdout, /You asked: "What is a kit\?"[^]*\(completed\)[^]* 1 attempt\(s\)\n$/);
});

test('errors', async () => {
  const { env } = await sandbox();
  const table = [
    [{ BUILDERAIKITS_API_KEY: '' }, 'apiKey: is missing', 'Set BUILDERAIKITS_API_KEY'],
    [{ BUILDERAIKITS_API_KEY: 'bak_revoked_1' }, '401: ', 'make a new one'],
    [{ BUILDERAIKITS_BASE_URL: 'http://127.0.0.1:1/v1' }, '(3 attempts)', 'It did not run'],
  ];
  for (const [more, text, advice] of table) {
    const ended = await file(join(EXAMPLES, 'errors.mjs'), { env: { ...env, ...more } });
    assert.deepEqual([ended.code, ended.stdout], [1, '']);
    const [first, second] = ended.stderr.split('\n');
    assert.ok(first.includes(text) && second.includes(advice), ended.stderr);
  }
  const ended = await file(join(EXAMPLES, 'errors.mjs'), { env });
  assert.deepEqual([ended.code, ended.stderr], [0, '']);
});

test('concurrency', async () => {
  const { env } = await sandbox('--latency-ms', '20');
  const ended = await file(join(EXAMPLES, 'concurrency.mjs'), { env });
  assert.deepEqual([ended.code, ended.stderr], [0, '']);
  const [, answers, givenUp] = /^(\d+) answers, \d+ tokens\n(\d+) calls given up\n$/.exec(ended.stdout).map(Number);
  // Those that came with the fiftieth are taken too.
  assert.ok(answers >= 50 && givenUp > 0 && answers + givenUp === 100, ended.stdout);
});

test('they are short', () => {
  for (const name of readdirSync(EXAMPLES).filter((name) => name.endsWith('.mjs'))) {
    assert.ok(readFileSync(join(EXAMPLES, name), 'utf8').split('\n').length <= 41, name);
  }
});
