// Programs of users, and what must not compile. `make node-types` checks this file with each kind of module resolution.
import BuilderAIKits, { APIError, BuilderAIKitsError, RateLimitError, type ClientOptions, type ClientOverrides, type RequestOptions, type Run, type RunRequest } from '@builderaikits/sdk';

const options: ClientOptions = { apiKey: 'bak_1', timeout: null, headers: new Headers(), logger: console };
const client: BuilderAIKits = new BuilderAIKits(options);
const overrides: ClientOverrides = { timeout: 5_000, maxRetries: undefined };
const copy: BuilderAIKits = client.withOptions(overrides);
const baseURL: string = copy.baseURL;

export async function uses(signal: AbortSignal): Promise<number> {
  const request: RunRequest = { kit: 'text-gen', input: 'Hello' };
  const options: RequestOptions = { timeout: 30_000, signal, idempotencyKey: baseURL, headers: { a: 'b' } };
  const run: Run = await client.kits.run(request, options);
  await client.kits.run({ kit: 'of-tomorrow', input: { prompt: 'p', files: [1] }, config: { max_tokens: 5, top_p: 1 } });
  const text: string = run.output.text;
  const tokens: number | undefined = run.usage.total_tokens;
  const unknown: unknown = run['cost'];
  const attempts: number = run.responseMetadata.attempts + run.responseMetadata.elapsedMs;
  await using closing = client;
  closing.close();
  return text.length + (tokens ?? 0) + attempts + Number(unknown);
}

export function handles(error: unknown): string {
  if (error instanceof RateLimitError) {
    const wait: number | undefined = error.retryAfterMs;
    return `${error.status} ${wait} ${error.requestID} ${error.headers?.['a']}`;
  }
  if (error instanceof APIError || error instanceof BuilderAIKitsError) {
    return `${error.kind} ${error.mayHaveRun} ${error.body?.length}`;
  }
  const own = new RateLimitError('slow down', { status: 429, retryAfterMs: 5, code: undefined, cause: error });
  const base: BuilderAIKitsError = own;
  return base.message;
}

// @ts-expect-error kit is required
void client.kits.run({ input: 'Hello' });
// @ts-expect-error prompt must be a string
void client.kits.run({ kit: 'text-gen', input: { prompt: 7 } });
// @ts-expect-error unknown option
void new BuilderAIKits({ max_retries: 5 });
// @ts-expect-error timeout is a number of milliseconds
void client.kits.run({ kit: 'text-gen', input: 'Hello' }, { timeout: '5s' });
// @ts-expect-error copies share baseURL
client.withOptions({ baseURL: 'https://example.com' });
