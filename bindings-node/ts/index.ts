/** The official Node.js SDK of BuilderAI Kits. */

import { callsHere } from './calls';
import * as errors from './errors';
import { Kits as KitsOfAClient } from './kits';
import { leave, listen, listenerOf, share } from './logs';
import { type Client, type Failed, native, variable } from './native';
import { OF_CLIENT, Refusal, given } from './options';
import type * as types from './types';

/**
 * A client of BuilderAI Kits. Make one and keep it: it holds the connections.
 *
 * ```ts
 * const client = new BuilderAIKits();
 * const run = await client.kits.run({ kit: 'text-gen', input: 'Hello' });
 * console.log(run.output.text);
 * ```
 */
class BuilderAIKits {
  /** The kits of the service. */
  readonly kits: KitsOfAClient;
  readonly #client: Client;

  /** Throws a `ConfigurationError` that names the option which is missing or bad. Sends nothing. */
  constructor(options?: types.ClientOptions);
  constructor(options: types.ClientOptions | Client = {}) {
    const make = (json: string) => native.client(callsHere(), json, variable);
    this.#client = options instanceof native.Client ? options : made(options, make, BuilderAIKits);
    this.kits = new KitsOfAClient(this.#client);
  }

  /** Where the service is. */
  get baseURL(): string {
    return this.#client.baseUrl;
  }

  /**
   * Makes a copy with other options, which shares connections, retry budget and slots, and closes with this one. What
   * is left out stays as it is; `headers` takes the place of all of the client's.
   *
   * Throws a `ConfigurationError` that names the option which is bad.
   */
  withOptions(options: types.CopyOptions): BuilderAIKits {
    const original = this.#client;
    const copy = made(options, (json) => original.withOptions(json), BuilderAIKits.prototype.withOptions, original);
    return new BuilderAIKits(copy as types.ClientOptions);
  }

  /** Refuses new calls of this client and its copies, with `ClientClosedError`. Those in flight finish; its `logger` is
   * told no more. */
  close(): void {
    this.#client.close();
    leave(this.#client);
  }

  /** As `close`: for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  /** @internal What `console.log` shows. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return `BuilderAIKits { baseURL: ${JSON.stringify(this.baseURL)} }`;
  }
}

function made(options: types.ClientOptions, make: (json: string) => Client | Failed, ours: Function, original?: Client): Client {
  let client: Client | Failed;
  let cause: unknown;
  try {
    const { logger, logLevel, ...others } = options;
    const json = given(others, OF_CLIENT, 'client');
    if (original !== undefined && (logger ?? logLevel) !== undefined) {
      throw new Refusal(`${logger ? 'logger' : 'logLevel'}: is shared by all copies of a client; make a new client`);
    }
    const listener = original === undefined ? listenerOf(logger, logLevel) : undefined;
    client = make(json);
    if (client instanceof native.Client) {
      original === undefined ? listen(client, listener) : share(original, client);
    }
  } catch (thrown) {
    const refusal = Refusal.of(thrown);
    client = refusal.failed('config');
    cause = refusal.cause;
  }
  if (client instanceof native.Client) {
    return client;
  }
  throw errors.errorOf(client as Failed, OF_CLIENT, ours, cause);
}

/** Everything else that the package has, for `require` and for types. `index.mts` has the same names. */
namespace BuilderAIKits {
  export import BuilderAIKitsError = errors.BuilderAIKitsError;
  export import ConfigurationError = errors.ConfigurationError;
  export import InvalidRequestError = errors.InvalidRequestError;
  export import ClientClosedError = errors.ClientClosedError;
  export import APIUserAbortError = errors.APIUserAbortError;
  export import InternalError = errors.InternalError;
  export import APIError = errors.APIError;
  export import APIStatusError = errors.APIStatusError;
  export import BadRequestError = errors.BadRequestError;
  export import AuthenticationError = errors.AuthenticationError;
  export import PermissionDeniedError = errors.PermissionDeniedError;
  export import NotFoundError = errors.NotFoundError;
  export import ConflictError = errors.ConflictError;
  export import UnprocessableEntityError = errors.UnprocessableEntityError;
  export import RateLimitError = errors.RateLimitError;
  export import InternalServerError = errors.InternalServerError;
  export import APIConnectionError = errors.APIConnectionError;
  export import APITimeoutError = errors.APITimeoutError;
  export import APIResponseValidationError = errors.APIResponseValidationError;
  export type ErrorFields = errors.ErrorFields;
  export type Kits = KitsOfAClient;
  export type ClientOptions = types.ClientOptions;
  export type CopyOptions = types.CopyOptions;
  export type HeadersLike = types.HeadersLike;
  export type Input = types.Input;
  export type Kit = types.Kit;
  export type LogLevel = types.LogLevel;
  export type Logger = types.Logger;
  export type Output = types.Output;
  export type ResponseMetadata = types.ResponseMetadata;
  export type Run = types.Run;
  export type RunConfig = types.RunConfig;
  export type RunOptions = types.RunOptions;
  export type RunRequest = types.RunRequest;
  export type Usage = types.Usage;
}

export = BuilderAIKits;
