// Shows what to do about each kind of error: BUILDERAIKITS_API_KEY=bak_revoked_x node errors.mjs
import BuilderAIKits, * as kits from '@builderaikits/sdk';

try {
  const client = new BuilderAIKits();
  const run = await client.kits.run({ kit: 'text-gen', input: 'Hello' }, { timeout: 5_000 });
  console.log(run.output.text);
} catch (error) {
  if (!(error instanceof kits.BuilderAIKitsError)) throw error;
  console.error(`${error}\n${advice(error)}`);
  process.exitCode = 1;
}

function advice(error) {
  if (error instanceof kits.ConfigurationError) {
    return 'Set BUILDERAIKITS_API_KEY to a key from your dashboard.';
  }
  if (error instanceof kits.AuthenticationError) {
    return 'The key is wrong or revoked. Create a new one in your dashboard.';
  }
  if (error instanceof kits.InvalidRequestError || error instanceof kits.BadRequestError) {
    return 'The request is wrong. Do not retry it unchanged.';
  }
  if (error instanceof kits.RateLimitError) {
    const wait = error.retryAfterMs;
    return `You exceeded the limit of your plan. ${wait === undefined ? 'Slow down.' : `Retry in ${Math.ceil(wait / 1000)} s.`}`;
  }
  if (error.mayHaveRun) {
    return 'It may have run and be billed. A retry may be billed again.';
  }
  return 'It did not run. Retry it once the problem is solved.';
}
