import { Failure, ended } from './calls';
import { errorOf } from './errors';
import { fault } from './json';
import type { Client } from './native';
import { OF_CALL, Refusal, given } from './options';
import type { Run, RunOptions, RunRequest } from './types';

/** The kits of a client: `client.kits`. */
export class Kits {
  readonly #client: Client;

  /** @internal */
  constructor(client: Client) {
    this.#client = client;
  }

  /**
   * Runs a prompt on a kit, and gives its answer.
   *
   * Repeats 429 and 408, connections that could not be made, and 5xx, which may be billed twice; all within
   * `maxRetries`, the client's retry budget and `timeout`. Aborting `signal` gives the call up at any point, and aborts
   * its request.
   *
   * Rejects with a `BuilderAIKitsError`, and never throws; its `mayHaveRun` says whether the call may be billed all the
   * same.
   */
  async run(request: RunRequest, options?: RunOptions): Promise<Run> {
    const end = await begin(this.#client, request, options);
    if (end instanceof Failure) {
      // Here, so that its stack is that of whoever awaits this call.
      throw errorOf(end.failed, OF_CALL, run, end.cause);
    }
    return end;
  }
}

const { run } = Kits.prototype;

function begin(client: Client, request: RunRequest, options?: RunOptions | null): Promise<Run | Failure> | Failure {
  try {
    const wrong = fault(request);
    if (wrong !== undefined) {
      throw new Refusal(wrong);
    }
    const body = JSON.stringify(request) ?? 'null';
    if (options === undefined || options === null) {
      return ended(client, body);
    }
    const { signal, ...others } = options;
    // Not by its class: test environments and polyfills have others.
    const { addEventListener, removeEventListener } = signal ?? {};
    if (signal !== undefined && signal !== null && [addEventListener, removeEventListener].some((method) => typeof method !== 'function')) {
      throw new Refusal('signal: must be an AbortSignal');
    }
    return ended(client, body, given(others, OF_CALL, 'call'), signal ?? undefined);
  } catch (thrown) {
    const refusal = Refusal.of(thrown);
    return new Failure(refusal.failed('invalid_request'), refusal.cause);
  }
}
