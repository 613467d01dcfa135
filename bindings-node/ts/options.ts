/** Options under the names that the core has for them. */

import { fault } from './json';
import type { Failed } from './native';
import type { ClientOptions, HeadersLike, RunOptions } from './types';

/** Names here, and the core's. */
export type Names = Readonly<Record<string, string>>;

/** Those of a client. */
export const OF_CLIENT: Names = {
  apiKey: 'api_key',
  baseURL: 'base_url',
  timeout: 'timeout_ms',
  attemptTimeout: 'attempt_timeout_ms',
  connectTimeout: 'connect_timeout_ms',
  maxRetries: 'max_retries',
  retryAmbiguous: 'retry_ambiguous',
  maxConcurrency: 'max_concurrency',
  maxResponseBytes: 'max_response_bytes',
  headers: 'headers',
  proxy: 'proxy',
  caFile: 'ca_file',
  allowHTTP: 'allow_http',
  appName: 'app_name',
} satisfies Record<Exclude<keyof ClientOptions, 'logger' | 'logLevel'>, string>;

/** Those of a call. */
export const OF_CALL = {
  timeout: 'timeout_ms',
  maxRetries: 'max_retries',
  retryAmbiguous: 'retry_ambiguous',
  idempotencyKey: 'idempotency_key',
  headers: 'headers',
} satisfies Record<Exclude<keyof RunOptions, 'signal'>, string>;

/** Options as JSON for the addon; throws what is wrong with them. */
export function given(options: object, names: Names, whose: 'client' | 'call'): string {
  const plain: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    const core = Object.hasOwn(names, name) ? names[name] : undefined;
    if (core === undefined) {
      const here = nameOf(name, names);
      throw new Refusal(`no option of a ${whose} is called ${name}${here === undefined ? '' : `; it is ${here}`}`);
    }
    // An infinite limit of time is none.
    const endless = value === Infinity && core.endsWith('_ms');
    plain[core] = endless ? null : name === 'headers' ? plainHeaders(value as HeadersLike) : value;
    const wrong = fault({ [name]: plain[core] });
    if (wrong !== undefined) {
      throw new Refusal(wrong);
    }
  }
  return JSON.stringify(plain);
}

/** What we refuse ourselves, before the core sees it: what JSON cannot say. */
export class Refusal {
  constructor(
    readonly message: string,
    readonly cause?: unknown,
  ) {}

  /** As the addon has it. */
  failed(kind: 'config' | 'invalid_request'): Failed {
    return { kind, message: this.message, attempts: 0, mayHaveRun: false, isRetryable: false, elapsed: 0 };
  }

  /** A getter or `toJSON` of the user's that failed, or a text that is longer than V8 has them. */
  static of(thrown: unknown): Refusal {
    return thrown instanceof Refusal ? thrown : new Refusal('what was given cannot be written as JSON', thrown);
  }
}

/** A message of the core under the name that the option has here. */
export function named(message: string, names: Names): string {
  const core = /^[a-z_]+(?=:)/.exec(message)?.[0];
  const name = core === undefined ? undefined : nameOf(core, names);
  return core === undefined || name === undefined ? message : name + message.slice(core.length);
}

function nameOf(core: string, names: Names): string | undefined {
  return Object.keys(names).find((name) => [names[name], names[name]?.replace('_ms', '')].includes(core));
}

function plainHeaders(headers: HeadersLike): unknown {
  const isIterable = typeof headers === 'object' && headers !== null && Symbol.iterator in headers;
  return isIterable ? Object.fromEntries(headers as Iterable<readonly [string, string]>) : headers;
}
