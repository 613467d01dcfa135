import { Failure } from './failure';
import type { Client } from './native';
import { queryRequest, startOperation } from './operation';
import type { Estimate, RequestOptions, Run, RunRequest } from './types';

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
    const result = await startOperation<Run>(this.#client, 'kits.run', request, options);
    if (result instanceof Failure) {
      // Thrown here, so that the stack is that of the code that awaits this call.
      throw result.toError(run);
    }
    return result;
  }

  /**
   * Estimates the tokens and the maximum cost of a request. Sends nothing.
   *
   * Throws an `InvalidRequestError` that names the missing or invalid field.
   */
  estimate(request: RunRequest): Estimate {
    const result = queryRequest<Estimate>(this.#client, 'kits.estimate', request);
    if (result instanceof Failure) {
      throw result.toError(estimate);
    }
    return result;
  }
}

const { run, estimate } = Kits.prototype;
