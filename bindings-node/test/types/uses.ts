// Programs of users, and what must not compile. `make node-types` checks this file with each kind of module resolution.
import BuilderAIKits, { APIError, BuilderAIKitsError, RateLimitError, kitInfo } from '@builderaikits/sdk';
import type { ClientOptions, ClientOverrides, ClientUsage, Cost, Estimate, KitInfo, PacingStatus, RateLimit, RequestOptions, Run, RunRequest } from '@builderaikits/sdk';

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
  const unknown: unknown = run['of_tomorrow'];
  const attempts: number = run.responseMetadata.attempts + run.responseMetadata.elapsedMs;
  await using closing = client;
  closing.close();
  return text.length + (tokens ?? 0) + attempts + Number(unknown);
}

export function plans(run: Run, text: string): string {
  const limits: RateLimit[] = ['auto', 'off', 'maker', 'builder', text, { requests: 30 }, { tokens: 15_000, per: 6_000 }];
  const prices = { 'text-gen': 0.0004, summarizer: '0.0005' };
  const paced = new BuilderAIKits({ rateLimit: limits[0], retryBudget: false, prices });
  const cost: Cost | undefined = run.cost;
  const usage: ClientUsage = paced.usage();
  const { limitOrigin, limitPerMs }: PacingStatus = usage.pacing;
  const estimate: Estimate = paced.kits.estimate({ kit: 'text-gen', input: 'Hello' });
  const info: KitInfo | undefined = kitInfo('text-gen');
  const numbers: (number | null | undefined)[] = [cost?.nanoUsd, usage.runs, limitPerMs, estimate.maxOutputTokens, info?.maxTokens];
  return `${cost?.usd} ${usage.cost.usd} ${estimate.maxCost?.usd} ${info?.pricePer1kTokens.usd} ${limitOrigin} ${numbers.length}`;
}

// A run of a test of a user.
export const own: Run = { output: { text: 'hi' }, usage: {}, responseMetadata: { attempts: 1, requestID: null, idempotencyKey: '', elapsedMs: 1, headers: {} } };

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
// @ts-expect-error no such number
void new BuilderAIKits({ rateLimit: { requests: 5, perMs: 500 } });
// @ts-expect-error a price is a number or text
void new BuilderAIKits({ prices: { 'text-gen': null } });
// @ts-expect-error rateLimit is an option of a client
void client.kits.run({ kit: 'text-gen', input: 'Hello' }, { rateLimit: 'off' });
// @ts-expect-error copies share rateLimit
client.withOptions({ rateLimit: 'off' });
// @ts-expect-error copies share baseURL
client.withOptions({ baseURL: 'https://example.com' });
