import { submit } from './calls';
import { Failure } from './failure';
import type { Client } from './native';
import { ArgumentError, checkOptionsObject, serializeOptions } from './options';
import type { RequestOptions, Run, RunRequest } from './types';
import { findInvalid } from './validate';

/** The kits of a client: `client.kits`. */
export class Kits {
  readonly #client: Client;

  /** @internal */
  constructor(client: Client) {
    this.#client = client;
  }

  /**
   * Runs a prompt on a kit and resolves to the run.
   *
   * Retries 429, 408, 5xx (which may be billed twice) and failed connections, within `maxRetries`, the client's retry
   * budget and `timeout`. Aborting `signal` cancels the call at any point and aborts its request.
   *
   * Rejects with a `BuilderAIKitsError` and never throws. The error's `mayHaveRun` says whether the call may be billed
   * although it failed.
   */
  async run(request: RunRequest, options?: RequestOptions): Promise<Run> {
    const result = await start<Run>(this.#client, 'kits.run', request, options);
    if (result instanceof Failure) {
      // Thrown here, so that the stack is that of the code that awaits this call.
      throw result.toError(run);
    }
    return result;
  }
}

const { run } = Kits.prototype;

/** Validates and serializes the arguments of an operation, and submits it. */
function start<Response extends object>(client: Client, operation: string, request: unknown, options?: RequestOptions | null): Promise<Response | Failure> | Failure {
  try {
    checkSerializable(request);
    const body = JSON.stringify(request) ?? 'null';
    const { json, signal } = checkOptions(options);
    const result = submit<Response>(client, operation, body, json, signal);
    if (result instanceof Failure && result.kind === 'invalid_request') {
      // The result of a `toJSON` can be the reason, and only this names its place.
      checkSerializable(JSON.parse(body));
    }
    return result;
  } catch (thrown) {
    const { message, option, cause } = ArgumentError.from(thrown);
    return new Failure('invalid_request', message, { option, cause });
  }
}

function checkSerializable(request: unknown): void {
  const invalid = findInvalid(request);
  if (invalid !== undefined) {
    const field = invalid.path.replace(/^\./, '');
    throw new ArgumentError(`${field || 'The request'} ${invalid.problem}`, field || undefined);
  }
}

function checkOptions(options: RequestOptions | null | undefined): { json?: string; signal?: AbortSignal | undefined } {
  if (options === undefined || options === null) {
    return {};
  }
  checkOptionsObject(options, 'The second argument of run()', '{ timeout: 5_000 }');
  const { signal, ...others } = options;
  // Not checked by class: test environments and polyfills have their own.
  const { addEventListener, removeEventListener } = signal ?? {};
  if (signal !== undefined && signal !== null && [addEventListener, removeEventListener].some((method) => typeof method !== 'function')) {
    throw new ArgumentError('`signal` must be an AbortSignal.', 'signal');
  }
  return { json: serializeOptions(others, 'request'), signal: signal ?? undefined };
}
