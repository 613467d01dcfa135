// Runs many prompts as fast as the Maker plan allows: node plan.mjs 500
//
// All calls start at once. The client sends each one as soon as the plan has room for it, and none has a timeout.
import BuilderAIKits from '@builderaikits/sdk';

const rows = Array.from({ length: Number(process.argv[2] ?? 500) }, (_, row) => `Review ${row + 1}: a great product`);

const client = new BuilderAIKits({ rateLimit: 'maker', timeout: null });
const classify = (input) => client.kits.run({ kit: 'classifier', input, config: { max_tokens: 50 } });
const results = await Promise.allSettled(rows.map(classify));

const failed = results.filter(({ status }) => status === 'rejected').length;
const usage = client.usage();
console.log(`${results.length - failed} runs, ${failed} failed`);
console.log(`${usage.totalTokens} tokens, ${usage.cost.usd} US dollars`);
console.log(usage);
