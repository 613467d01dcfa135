// Makes the calls that the released addon is optimized for: pgo-workload.mjs PROGRAMS
// PROGRAMS is the folder with the servers that it calls. Code that this workload never runs is optimized for size.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import BuilderAIKits, { BadRequestError } from '../dist/index.mjs';

const [programs] = process.argv.slice(2);
const LARGE_BYTES = 1 << 20;
const certificates = mkdtempSync(join(tmpdir(), 'builderaikits-'));
const caFile = join(certificates, 'ca.pem');

try {
  await workload('builderaikits-sandbox', ['--port', '0'], (line) => ({ baseURL: line.split(' ').at(-1) }));
  for (const size of [0, LARGE_BYTES]) {
    await workload('bench-server', [0, size], (port) => ({ baseURL: `http://127.0.0.1:${port}/v1` }));
    for (const protocol of ['tls', 'h2']) {
      await workload('bench-server', [0, size, protocol, certificates], (port) => ({ baseURL: `https://localhost:${port}/v1`, caFile }));
    }
  }
} finally {
  rmSync(certificates, { recursive: true });
}

async function workload(program, flags, options) {
  const server = spawn(join(programs, program), flags.map(String), { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [line] = await once(createInterface(server.stdout), 'line');
    const client = new BuilderAIKits({ apiKey: 'bak_workload', ...options(line) });
    const large = flags[1] === LARGE_BYTES;
    await calls(client, large ? 20 : 4_000, 1, large);
    await calls(client, large ? 40 : 20_000, large ? 4 : 64, large);
  } finally {
    server.kill();
  }
}

async function calls(client, count, concurrency, large) {
  let left = count;
  const worker = async () => {
    while (left > 0) {
      left -= 1;
      await call(client, left, large);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}

/** Makes one call as users do: mostly without options, some with, and a few that fail. */
async function call(client, number, large) {
  const prompt = large ? 'a'.repeat(LARGE_BYTES) : `Summarise in three points, ‘${number}’:\n${'Ein längerer Text. '.repeat(number % 40)}`;
  const request = { kit: number % 3 ? 'text-gen' : 'summarizer', input: { prompt }, config: { max_tokens: 500, temperature: 0.6 } };
  const options = number % 4 ? undefined : { timeout: 30_000, headers: { 'x-trace': `${number}` }, signal: new AbortController().signal };
  const { output } = await client.kits.run(request, options);
  if (!output.text) {
    throw new Error('no text');
  }
  if (number % 1_000 === 999 && !large) {
    await client.kits.run({ kit: 'no-such-kit', input: { prompt } }).catch((error) => {
      if (!(error instanceof BadRequestError)) {
        throw error;
      }
    });
  }
}
