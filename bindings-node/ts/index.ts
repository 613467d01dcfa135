/** The official Node.js SDK of BuilderAI Kits. */

import { completionQueue } from './calls';
import * as catalog from './catalog';
import * as errors from './errors';
import { Failure } from './failure';
import { Kits as KitsOfClient } from './kits';
import { attachLogger, detachLogger, inheritLogger, loggerFromOptions } from './logs';
import { type Client, type ErrorRecord, native, variable } from './native';
import { ArgumentError, checkOptionsObject, serializeOptions } from './options';
import { query } from './query';
import type * as types from './types';

/**
 * A client for the BuilderAI Kits API. Create one client and reuse it; it owns the connection pool.
 *
 * ```ts
 * const client = new BuilderAIKits();
 * const run = await client.kits.run({ kit: 'text-gen', input: 'Hello' });
 * console.log(run.output.text);
 * ```
 */
class BuilderAIKits {
  /** The kits of the service. */
  readonly kits: KitsOfClient;
  readonly #client: Client;

  /** Throws a `ConfigurationError` that names the missing or invalid option. Sends nothing. */
  constructor(options?: types.ClientOptions);
  constructor(options: types.ClientOptions | Client = {}) {
    this.#client = options instanceof native.Client ? options : newClient(options);
    this.kits = new KitsOfClient(this.#client);
  }

  /** The base URL of the service. */
  get baseURL(): string {
    return this.#client.baseUrl;
  }

  /**
   * Creates a copy with other options. The copy shares connections, rate limit, prices, retry budget and concurrency limit
   * with this client, and is closed with it; closing the copy closes the copy alone. Options that you omit keep their values; `headers`
   * replaces all headers of the client.
   *
   * Throws a `ConfigurationError` that names the invalid option.
   */
  withOptions(options: types.ClientOverrides): BuilderAIKits {
    return new BuilderAIKits(copyClient(this.#client, options) as types.ClientOptions);
  }

  /** Returns what this client and its copies have done since the client was created, and how they keep to the rate limit now. */
  usage(): types.ClientUsage {
    const usage = query<types.ClientUsage>(this.#client, 'usage');
    if (usage instanceof Failure) {
      throw usage.toError(BuilderAIKits.prototype.usage);
    }
    return usage;
  }

  /** Closes this client and, unless it is a copy itself, its copies: new calls are rejected with `ClientClosedError`, calls in
   * flight finish. The `logger` gets no more records. */
  close(): void {
    this.#client.close();
    detachLogger(this.#client);
  }

  /** The same as `close`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  /** @internal What `console.log` shows. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return `BuilderAIKits { baseURL: ${JSON.stringify(this.baseURL)} }`;
  }
}

function newClient(options: types.ClientOptions): Client {
  return orThrow(BuilderAIKits, () => {
    checkOptionsObject(options, 'client');
    const { logger, logLevel, ...others } = options;
    const json = serializeOptions(others, 'client');
    const attached = loggerFromOptions(logger, logLevel);
    const client = native.createClient(completionQueue(), json, variable);
    client instanceof native.Client && attachLogger(client, attached);
    return client;
  });
}

function copyClient(original: Client, options: types.ClientOverrides & Pick<types.ClientOptions, 'logger' | 'logLevel'>): Client {
  return orThrow(BuilderAIKits.prototype.withOptions, () => {
    checkOptionsObject(options, 'client');
    const { logger, logLevel, ...others } = options;
    const json = serializeOptions(others, 'client');
    if (logger !== undefined || logLevel !== undefined) {
      const name = logger !== undefined ? 'logger' : 'logLevel';
      throw new ArgumentError(`\`${name}\` cannot be changed for a copy of a client, because copies share it. Create a new client.`, name);
    }
    const client = original.withOptions(json);
    client instanceof native.Client && inheritLogger(original, client);
    return client;
  });
}

/** Throws a failure as a `ConfigurationError` whose stack starts at the caller of `stackStart`. */
function orThrow(stackStart: Function, create: () => Client | ErrorRecord): Client {
  let failure: Failure;
  try {
    const client = create();
    if (client instanceof native.Client) {
      return client;
    }
    failure = Failure.fromRecord(client as ErrorRecord);
  } catch (thrown) {
    const { message, option, cause } = ArgumentError.from(thrown);
    failure = new Failure('config', message, { option, cause });
  }
  throw failure.toError(stackStart);
}

/** The other exports, for `require` and as types. `index.mts` has the same names, and a test compares the two. */
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
  export import kitInfo = catalog.kitInfo;
  export type ErrorFields = errors.ErrorFields;
  export type Kits = KitsOfClient;
  export type ClientOptions = types.ClientOptions;
  export type ClientOverrides = types.ClientOverrides;
  export type ClientUsage = types.ClientUsage;
  export type Cost = types.Cost;
  export type Estimate = types.Estimate;
  export type HeadersInit = types.HeadersInit;
  export type Kit = types.Kit;
  export type KitInfo = types.KitInfo;
  export type LogLevel = types.LogLevel;
  export type Logger = types.Logger;
  export type Output = types.Output;
  export type PacingStatus = types.PacingStatus;
  export type RateLimit = types.RateLimit;
  export type RequestOptions = types.RequestOptions;
  export type ResponseMetadata = types.ResponseMetadata;
  export type Run = types.Run;
  export type RunConfig = types.RunConfig;
  export type RunInput = types.RunInput;
  export type RunRequest = types.RunRequest;
  export type Usage = types.Usage;
}

export = BuilderAIKits;
