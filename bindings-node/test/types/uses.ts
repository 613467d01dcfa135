// What users write, and what must not compile. Checked by `make node-types` under each way of resolving modules.
import BuilderAIKits, { APIError, BuilderAIKitsError, RateLimitError, type ClientOptions, type Run, type RunRequest } from '@builderaikits/sdk';

const options: ClientOptions = { apiKey: 'bak_1', timeout: null, headers: new Headers(), logger: console };
const client: BuilderAIKits = new BuilderAIKits(options);
const copy: BuilderAIKits = client.withOptions({ timeout: 5_000, maxRetries: undefined });
const place: string = copy.baseURL;

export async function uses(signal: AbortSignal): Promise<number> {
  const request: RunRequest = { kit: 'text-gen', input: 'Hello' };
  const run: Run = await client.kits.run(request, { timeout: 30_000, signal, idempotencyKey: place, headers: { a: 'b' } });
  await client.kits.run({ kit: 'of-tomorrow', input: { prompt: 'p', files: [1] }, config: { max_tokens: 5, top_p: 1 } });
  const text: string = run.output.text;
  const tokens: number | undefined = run.usage.total_tokens;
  const unknown: unknown = run['cost'];
  const attempts: number = run.responseMetadata.attempts;
  await using closing = client;
  closing.close();
  return text.length + (tokens ?? 0) + attempts + Number(unknown);
}

export function handles(error: unknown): string {
  if (error instanceof RateLimitError) {
    const wait: number | undefined = error.retryAfter;
    return `${error.status} ${wait} ${error.requestID} ${error.headers?.['a']}`;
  }
  if (error instanceof APIError || error instanceof BuilderAIKitsError) {
    return `${error.kind} ${error.mayHaveRun} ${error.body?.length}`;
  }
  const made = new RateLimitError('slow down', { status: 429, retryAfter: 5 });
  const base: BuilderAIKitsError = made;
  return base.message;
}

// @ts-expect-error a kit is named
void client.kits.run({ input: 'Hello' });
// @ts-expect-error a prompt is a text
void client.kits.run({ kit: 'text-gen', input: { prompt: 7 } });
// @ts-expect-error no such option
void new BuilderAIKits({ max_retries: 5 });
// @ts-expect-error milliseconds
void client.kits.run({ kit: 'text-gen', input: 'Hello' }, { timeout: '5s' });
// @ts-expect-error only what a copy can have of its own
client.withOptions({ baseURL: 'https://example.com' });
