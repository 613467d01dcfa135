// A long run: memory and handles after all calls against those after the first fifth: soak.mjs BUILT SANDBOX CALLS
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

const [built, sandbox, count] = process.argv.slice(2);
const CALLS = Number(count);
const AT_ONCE = 64;
const MOST_MIB = 16;

// What cargo built, under a name that Node takes for an addon.
const addon = join(resolve(built), 'soak.node');
copyFileSync(join(built, 'libbuilderaikits_node.so'), addon);
process.env.BUILDERAIKITS_NATIVE_PATH = addon;
const { default: BuilderAIKits, BadRequestError, APIUserAbortError } = await import('../dist/index.mjs');

const box = spawn(sandbox, ['--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
const [line] = await once(createInterface(box.stdout), 'line');
const client = new BuilderAIKits({ apiKey: 'bak_soak', baseURL: line.split(' ').at(-1) });
const { signal } = new AbortController();
const begun = performance.now();
let next = 0;
let done = 0;
let afterFirst;

await Promise.all(Array.from({ length: AT_ONCE }, calls));
const last = look();
box.kill();
const grown = last.mib - afterFirst.mib;
console.log(`${grown.toFixed(1)} MiB more at the end than after the first fifth; at most ${MOST_MIB}`);
console.log(`open files ${afterFirst.files} and ${last.files}, threads ${afterFirst.threads} and ${last.threads}, handles ${afterFirst.handles} and ${last.handles}`);
const equal = ['files', 'threads', 'handles'].every((name) => afterFirst[name] === last[name]);
process.exit(grown <= MOST_MIB && equal ? 0 : 1);

async function calls() {
  while (next < CALLS) {
    next += 1;
    if (next % 1000 === 999) {
      await odd();
    }
    const run = await client.kits.run({ kit: 'text-gen', input: 'Hello', config: { max_tokens: 50 } }, { signal });
    if (!run.output.text) {
      throw new Error('no text');
    }
    done += 1;
    if ((done * 10) % CALLS === 0) {
      const seen = look();
      if (done * 5 === CALLS) {
        afterFirst = seen;
      }
      const rate = (done / (performance.now() - begun)) * 1000;
      console.log(`${(done / CALLS) * 100} %  ${done} calls  VmRSS ${seen.mib.toFixed(1)} MiB  ${rate.toFixed(0)} calls/s`);
    }
  }
}

/** Errors, calls given up, and clients of one call as well. */
async function odd() {
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

function look() {
  globalThis.gc();
  const status = readFileSync('/proc/self/status', 'utf8');
  const number = (name) => Number(status.split(`${name}:`)[1].trim().split(/\s/)[0]);
  return {
    mib: number('VmRSS') / 1024,
    threads: number('Threads'),
    files: readdirSync('/proc/self/fd').length,
    handles: process.getActiveResourcesInfo().length,
  };
}
