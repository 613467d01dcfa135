// The same as `uses.ts`, for `require`.
import BuilderAIKits = require('@builderaikits/sdk');
import { RateLimitError, kitInfo, type Run } from '@builderaikits/sdk';

export const client = new BuilderAIKits({ apiKey: 'bak_1' });
export const run: Promise<Run> = client.kits.run({ kit: 'text-gen', input: 'Hello' });
export const options: BuilderAIKits.RequestOptions = { timeout: 5 };
export const info: BuilderAIKits.KitInfo | undefined = kitInfo('text-gen') ?? BuilderAIKits.kitInfo('summarizer');
export const error: BuilderAIKits.APIError = new RateLimitError('m');
