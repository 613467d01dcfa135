// One Node peer doing one thing, in a process of its own: client.mjs PEER SCENARIO URL.
//
// Prints a line of JSON: calls, wall and CPU seconds of the measured part, and of the process peak memory and threads.
// A peer is a function from the service's URL to a function that makes one call and gives the total tokens of its answer.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const require = createRequire(import.meta.url);
const [peer, scenario, url] = process.argv.slice(2);
const KEY = 'bak_bench';
const TIMEOUT = 120_000;
const MOST = 20_000;
// Calls, or seconds of calls: first to warm up, then measured; and how many at once.
const { warmUp, measured, atOnce, mib = 0 } = {
  sequential: { warmUp: { seconds: 1 }, measured: { seconds: 1.5 }, atOnce: 1 },
  concurrent: { warmUp: { seconds: 1.5 }, measured: { seconds: 2 }, atOnce: 64 },
  'in-flight-2000': { warmUp: { calls: 0 }, measured: { calls: 2_000 }, atOnce: 2_000 },
  'in-flight-10000': { warmUp: { calls: 0 }, measured: { calls: 10_000 }, atOnce: 10_000 },
  first: { warmUp: { calls: 0 }, measured: { calls: 1 }, atOnce: 1 },
  large: { warmUp: { calls: 10 }, measured: { calls: 40 }, atOnce: 1, mib: 1 },
  require: { warmUp: { calls: 0 }, measured: { calls: 0 }, atOnce: 0 },
}[scenario];
const PROMPT = mib === 0 ? 'Hello, world!' : 'a'.repeat(mib << 20);

const question = () => ({ kit: 'text-gen', input: { prompt: PROMPT }, config: { max_tokens: 500 } });
const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };

const PEERS = {
  none: () => undefined,

  'node:http'() {
    const http = require('node:http');
    const agent = new http.Agent({ keepAlive: true });
    return () =>
      new Promise((resolve, reject) => {
        const body = Buffer.from(JSON.stringify(question()));
        const options = { agent, method: 'POST', timeout: TIMEOUT, headers: { ...headers, 'content-length': body.length } };
        const request = http.request(`${url}/kits/run`, options, (response) => {
          const parts = [];
          response.on('data', (part) => parts.push(part));
          response.on('end', () => resolve(JSON.parse(Buffer.concat(parts).toString()).usage.total_tokens));
          response.on('error', reject);
        });
        request.on('error', reject);
        request.end(body);
      });
  },

  fetch: () => async () => {
    const signal = AbortSignal.timeout(TIMEOUT);
    const response = await fetch(`${url}/kits/run`, { method: 'POST', headers, body: JSON.stringify(question()), signal });
    return (await response.json()).usage.total_tokens;
  },

  undici() {
    const { Agent, request } = require('undici');
    const dispatcher = new Agent({ headersTimeout: TIMEOUT, bodyTimeout: TIMEOUT });
    return async () => {
      const body = JSON.stringify(question());
      const response = await request(`${url}/kits/run`, { dispatcher, method: 'POST', headers, body });
      return (await response.body.json()).usage.total_tokens;
    };
  },

  axios() {
    const axios = require('axios');
    const { Agent } = require('node:http');
    const client = axios.create({ httpAgent: new Agent({ keepAlive: true }), timeout: TIMEOUT, headers });
    return async () => (await client.post(`${url}/kits/run`, question())).data.usage.total_tokens;
  },

  openai() {
    const OpenAI = require('openai');
    const client = new OpenAI({ apiKey: KEY, baseURL: url, timeout: TIMEOUT });
    return async () => (await client.post('/kits/run', { body: question() })).usage.total_tokens;
  },

  ours() {
    const BuilderAIKits = require('@builderaikits/sdk');
    if (scenario === 'require') return undefined;
    const client = new BuilderAIKits({ apiKey: KEY, baseURL: url, maxConcurrency: MOST, timeout: TIMEOUT });
    return async () => (await client.kits.run(question())).usage.total_tokens;
  },
};

const call = PEERS[peer]();
await many(warmUp);
let begun = performance.now();
let cpu = process.cpuUsage();
if (scenario === 'first' || scenario === 'require') {
  // From the start of the process, which is what these are about.
  begun = 0;
  cpu = undefined;
}
const calls = await many(measured);
const wall = (performance.now() - begun) / 1000;
const used = process.cpuUsage(cpu);
const status = readFileSync('/proc/self/status', 'utf8');
const of = (name) => Number(status.split(`${name}:`)[1].trim().split(/\s/)[0]);
const seen = { calls: calls || 1, wall_s: wall, cpu_s: (used.user + used.system) / 1e6, peak_kib: of('VmHWM'), threads: of('Threads') };
process.stdout.write(`${JSON.stringify(seen)}\n`, () => process.exit(0));

async function many({ calls = Infinity, seconds = Infinity }) {
  const until = performance.now() + seconds * 1000;
  let begun = 0;
  let ended = 0;
  const share = async () => {
    while (begun < calls && performance.now() < until) {
      begun += 1;
      if ((await call()) !== 332) process.exit(3);
      ended += 1;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, share));
  return ended;
}
