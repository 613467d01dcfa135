// Runs one prompt and prints the run: node quickstart.mjs "Hello"
//
// Reads BUILDERAIKITS_API_KEY, and BUILDERAIKITS_BASE_URL to use another server than the official one.
import BuilderAIKits from '@builderaikits/sdk';

const prompt = process.argv[2] ?? 'Say hello to a new user.';

const client = new BuilderAIKits();
const run = await client.kits.run({ kit: 'text-gen', input: prompt, config: { max_tokens: 500 } });

console.log(run.output.text);
console.log();
console.log(`run        ${run.id} (${run.status})`);
console.log(`tokens     ${run.usage.input_tokens} in, ${run.usage.output_tokens} out`);
console.log(`request    ${run.responseMetadata.requestID}`);
console.log(`took       ${run.responseMetadata.elapsedMs.toFixed(1)} ms, ${run.responseMetadata.attempts} attempt(s)`);
