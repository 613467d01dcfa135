// Runs many prompts, at most eight at a time, and aborts the rest once fifty runs are complete.
import BuilderAIKits, { APIUserAbortError } from '@builderaikits/sdk';

// One client for all calls: it owns the connection pool and limits the number of concurrent requests.
const client = new BuilderAIKits({ maxConcurrency: 8 });
const enough = new AbortController();
let runs = 0;
let tokens = 0;
let aborted = 0;

async function review(number) {
  // The timeout includes the time that a call waits for one of the eight permits.
  const options = { timeout: 30_000, signal: enough.signal };
  try {
    const run = await client.kits.run({ kit: 'classifier', input: `Review ${number}: a great product` }, options);
    runs += 1;
    tokens += run.usage.total_tokens ?? 0;
    if (runs === 50) {
      // Aborts requests in flight; requests that still wait are never sent.
      enough.abort();
    }
  } catch (error) {
    if (!(error instanceof APIUserAbortError)) throw error;
    aborted += 1;
  }
}

await Promise.all(Array.from({ length: 100 }, (_, number) => review(number + 1)));
console.log(`${runs} runs, ${tokens} tokens`);
console.log(`${aborted} calls aborted`);
