// One Node peer in one scenario, in a separate process: client.mjs PEER SCENARIO URL.
//
// It prints one line of JSON: calls, wall and CPU seconds of the measured part, and the process's peak memory and threads.
// A peer is a function that returns a function that makes one call and returns the total tokens of its response.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const require = createRequire(import.meta.url);
const [peer, scenario, url] = process.argv.slice(2);
const API_KEY = 'bak_bench';
const TIMEOUT = 120_000;
const MAX_CONNECTIONS = 20_000;
// The number of calls or the seconds to make calls for, before measuring and measured, and the number of calls at once.
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

const requestBody = () => ({ kit: 'text-gen', input: { prompt: PROMPT }, config: { max_tokens: 500 } });
const headers = { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' };

const PEERS = {
  none: () => undefined,

  'node:http'() {
    const http = require('node:http');
    const agent = new http.Agent({ keepAlive: true });
    return () =>
      new Promise((resolve, reject) => {
        const body = Buffer.from(JSON.stringify(requestBody()));
        const options = { agent, method: 'POST', timeout: TIMEOUT, headers: { ...headers, 'content-length': body.length } };
        const request = http.request(`${url}/kits/run`, options, (response) => {
          const chunks = [];
          response.on('data', (chunk) => chunks.push(chunk));
          response.on('end', () => resolve(JSON.parse(Buffer.concat(chunks).toString()).usage.total_tokens));
          response.on('error', reject);
        });
        request.on('error', reject);
        request.end(body);
      });
  },

  fetch: () => async () => {
    const signal = AbortSignal.timeout(TIMEOUT);
    const response = await fetch(`${url}/kits/run`, { method: 'POST', headers, body: JSON.stringify(requestBody()), signal });
    return (await response.json()).usage.total_tokens;
  },

  undici() {
    const { Agent, request } = require('undici');
    const dispatcher = new Agent({ headersTimeout: TIMEOUT, bodyTimeout: TIMEOUT });
    return async () => {
      const body = JSON.stringify(requestBody());
      const response = await request(`${url}/kits/run`, { dispatcher, method: 'POST', headers, body });
      return (await response.body.json()).usage.total_tokens;
    };
  },

  axios() {
    const axios = require('axios');
    const { Agent } = require('node:http');
    const client = axios.create({ httpAgent: new Agent({ keepAlive: true }), timeout: TIMEOUT, headers });
    return async () => (await client.post(`${url}/kits/run`, requestBody())).data.usage.total_tokens;
  },

  openai() {
    const OpenAI = require('openai');
    const client = new OpenAI({ apiKey: API_KEY, baseURL: url, timeout: TIMEOUT });
    return async () => (await client.post('/kits/run', { body: requestBody() })).usage.total_tokens;
  },

  builderaikits() {
    const BuilderAIKits = require('@builderaikits/sdk');
    if (scenario === 'require') return undefined;
    const client = new BuilderAIKits({ apiKey: API_KEY, baseURL: url, maxConcurrency: MAX_CONNECTIONS, timeout: TIMEOUT });
    return async () => (await client.kits.run(requestBody())).usage.total_tokens;
  },
};

const call = PEERS[peer]();
await makeCalls(warmUp);
let started = performance.now();
let cpu = process.cpuUsage();
if (scenario === 'first' || scenario === 'require') {
  // These scenarios measure from the start of the process.
  started = 0;
  cpu = undefined;
}
const calls = await makeCalls(measured);
const wall = (performance.now() - started) / 1000;
const used = process.cpuUsage(cpu);
const status = readFileSync('/proc/self/status', 'utf8');
const statusOf = (name) => Number(status.split(`${name}:`)[1].trim().split(/\s/)[0]);
const figures = { calls: calls || 1, wall_s: wall, cpu_s: (used.user + used.system) / 1e6, peak_kib: statusOf('VmHWM'), threads: statusOf('Threads') };
process.stdout.write(`${JSON.stringify(figures)}\n`, () => process.exit(0));

async function makeCalls({ calls = Infinity, seconds = Infinity }) {
  const deadline = performance.now() + seconds * 1000;
  let started = 0;
  let completed = 0;
  const worker = async () => {
    while (started < calls && performance.now() < deadline) {
      started += 1;
      if ((await call()) !== 332) process.exit(3);
      completed += 1;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return completed;
}
