// Soak test: compares memory and handles after all calls with those after the first fifth. soak.mjs BUILT SANDBOX CALLS
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

const [built, sandbox, count] = process.argv.slice(2);
const CALLS = Number(count);
const CONCURRENCY = 64;
const MAX_GROWTH_MIB = 16;
const IDLE_TIMEOUT_MS = 65_000;

// The library that cargo built, under a name that Node loads as an addon.
const addon = join(resolve(built), 'soak.node');
copyFileSync(join(built, 'libbuilderaikits_node.so'), addon);
process.env.BUILDERAIKITS_NATIVE_PATH = addon;
const { default: BuilderAIKits, BadRequestError, APIUserAbortError } = await import('../dist/index.mjs');

const server = spawn(sandbox, ['--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
const [line] = await once(createInterface(server.stdout), 'line');
const client = new BuilderAIKits({ apiKey: 'bak_soak', baseURL: line.split(' ').at(-1) });
const { signal } = new AbortController();
const startedAt = performance.now();
let done = 0;
let first;
let last;

for (let tenth = 1; tenth <= 10; tenth += 1) {
  let left = CALLS / 10;
  await Promise.all(Array.from({ length: CONCURRENCY }, async () => {
    while (left > 0) {
      left -= 1;
      await one(left);
    }
  }));
  const rate = (done / (performance.now() - startedAt)) * 1000;
  last = { mib: resident() };
  console.log(`${tenth}0 %  ${done} calls  VmRSS ${last.mib.toFixed(1)} MiB  ${rate.toFixed(0)} calls/s`);
  if (tenth === 2 || tenth === 10) {
    // Idle connections are closed within a minute. What is still open then stays open.
    await new Promise((resolve) => setTimeout(resolve, IDLE_TIMEOUT_MS));
    last = { ...last, ...open() };
    first ??= last;
  }
}
server.kill();
const growth = last.mib - first.mib;
console.log(`${growth.toFixed(1)} MiB more at the end than after the first fifth; the limit is ${MAX_GROWTH_MIB}`);
for (const name of ['files', 'threads', 'handles']) {
  console.log(`${name} ${first[name]} after the first fifth, ${last[name]} at the end`);
}
process.exit(growth <= MAX_GROWTH_MIB && ['files', 'threads', 'handles'].every((name) => first[name] === last[name]) ? 0 : 1);

async function one(number) {
  if (number % 1000 === 999) {
    await unusualCalls();
  }
  const run = await client.kits.run({ kit: 'text-gen', input: 'Hello', config: { max_tokens: 50 } }, { signal });
  if (!run.output.text) {
    throw new Error('no text');
  }
  done += 1;
}

/** Errors, aborted calls, and clients for a single call. */
async function unusualCalls() {
  await client.kits.run({ kit: 'no-such-kit', input: 'Hello' }).catch(expected(BadRequestError));
  const controller = new AbortController();
  const call = client.kits.run({ kit: 'text-gen', input: 'Hello' }, { signal: controller.signal });
  controller.abort();
  await call.catch(expected(APIUserAbortError));
  await client.withOptions({ timeout: 60_000 }).kits.run({ kit: 'text-gen', input: 'Hello' });
}

function expected(Class) {
  return (error) => {
    if (!(error instanceof Class)) {
      throw error;
    }
  };
}

/** Resident memory after a forced collection, in MiB. */
function resident() {
  globalThis.gc();
  return status('VmRSS') / 1024;
}

function open() {
  return { files: readdirSync('/proc/self/fd').length, threads: status('Threads'), handles: process.getActiveResourcesInfo().join() };
}

function status(name) {
  return Number(readFileSync('/proc/self/status', 'utf8').split(`${name}:`)[1].trim().split(/\s/)[0]);
}
