// Many prompts at once: eight on the wire, and once fifty answers are there the rest is given up.
import BuilderAIKits, { APIUserAbortError } from '@builderaikits/sdk';

// One client for all: it holds the connections, and lets eight calls at once on the wire.
const client = new BuilderAIKits({ maxConcurrency: 8 });
const enough = new AbortController();
let answers = 0;
let tokens = 0;
let givenUp = 0;

async function review(number) {
  // The timeout is over everything, the wait for one of the eight slots too.
  const options = { timeout: 30_000, signal: enough.signal };
  try {
    const run = await client.kits.run({ kit: 'classifier', input: `Review ${number}: a great product` }, options);
    answers += 1;
    tokens += run.usage.total_tokens ?? 0;
    if (answers === 50) {
      // Aborts requests on the wire, and those that wait are never sent.
      enough.abort();
    }
  } catch (error) {
    if (!(error instanceof APIUserAbortError)) throw error;
    givenUp += 1;
  }
}

await Promise.all(Array.from({ length: 100 }, (_, number) => review(number + 1)));
console.log(`${answers} answers, ${tokens} tokens`);
console.log(`${givenUp} calls given up`);
