/** The options that the core has too, in one table: it serializes them, and localizes their names in messages. */

import { canonicalName } from './names';
import type { ClientOptions, HeadersInit, RateLimit, RequestOptions } from './types';
import { describeType, findInvalid } from './validate';

/** What an option can be set for. */
type Target = 'client' | 'request';

interface Option {
  for: readonly Target[];
  /** `ms` is a duration in milliseconds, where `Infinity` is the same as null. Everything else is sent as it is. */
  type?: 'ms' | 'headers' | 'rateLimit';
}

const CLIENT = ['client'] as const;
const REQUEST = ['request'] as const;
const BOTH = ['client', 'request'] as const;

const OPTIONS = {
  apiKey: { for: CLIENT },
  baseURL: { for: CLIENT },
  timeout: { for: BOTH, type: 'ms' },
  attemptTimeout: { for: CLIENT, type: 'ms' },
  connectTimeout: { for: CLIENT, type: 'ms' },
  maxRetries: { for: BOTH },
  retryAmbiguous: { for: BOTH },
  retryBudget: { for: CLIENT },
  rateLimit: { for: CLIENT, type: 'rateLimit' },
  prices: { for: CLIENT },
  maxConcurrency: { for: CLIENT },
  maxResponseBytes: { for: CLIENT },
  headers: { for: BOTH, type: 'headers' },
  proxy: { for: CLIENT },
  caFile: { for: CLIENT },
  allowHTTP: { for: CLIENT },
  appName: { for: CLIENT },
  idempotencyKey: { for: REQUEST },
} satisfies Record<Exclude<keyof ClientOptions | keyof RequestOptions, 'logger' | 'logLevel' | 'signal'>, Option>;

/** The fields of a `rateLimit` that is an object, and the core's names. */
const RATE_LIMIT_FIELDS: ReadonlyMap<string, string> = new Map(
  Object.entries({ requests: 'requests', tokens: 'tokens', per: 'per_ms' } satisfies Record<keyof Exclude<RateLimit, string>, string>),
);

const BY_NAME: ReadonlyMap<string, Option> = new Map(Object.entries(OPTIONS));
const LOCAL_NAMES: ReadonlyMap<string, string> = new Map(Object.keys(OPTIONS).map((name) => [canonicalName(name), name]));

/** An argument that is rejected here, before the core sees it. `operation.ts` and `index.ts` turn it into their class of error. */
export class ArgumentError {
  constructor(
    readonly message: string,
    /** The option or request field at fault, if it is one. */
    readonly option?: string,
    readonly cause?: unknown,
  ) {}

  /** Wraps what a getter or `toJSON` of the caller threw, or V8 for a string that is too long. */
  static from(thrown: unknown): ArgumentError {
    return thrown instanceof ArgumentError ? thrown : new ArgumentError('The argument cannot be serialized as JSON; see `cause`.', undefined, thrown);
  }
}

/** Serializes options as JSON for the addon, with the core's names. Throws an `ArgumentError`. */
export function serializeOptions(options: object, target: Target): string {
  const record: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    const option = BY_NAME.get(name);
    if (!option?.for.includes(target)) {
      throw unknownOption(name, target);
    }
    record[option.type === 'ms' ? `${canonicalName(name)}_ms` : canonicalName(name)] = toJSON(name, value, option.type);
  }
  return JSON.stringify(record);
}

/** Throws an `ArgumentError` unless `options` is an object: a number, or a signal passed alone, would be ignored. */
export function checkOptionsObject(options: unknown, target: Target): asserts options is object {
  const type = describeType(options);
  const isSignal = type === 'an AbortSignal' || typeof (options as AbortSignal | null)?.addEventListener === 'function';
  if (type !== 'an Object' || isSignal) {
    const expected = target === 'client' ? 'Client options must be an object such as `{ apiKey }`' : 'Request options must be an object such as `{ timeout: 5_000 }`';
    throw new ArgumentError(`${expected}, not ${isSignal ? 'an AbortSignal. Pass the signal as `{ signal }`' : type}.`);
  }
}

/** Replaces the core's names of options in a message, which are in backticks: `base_url` by `baseURL`, and `rate_limit.per` by
 * `rateLimit.per`. */
export function localizeMessage(message: string): string {
  return message.replace(/`([a-z_]+)(\.[a-z]+)?`/g, (quoted, name: string, field = '') => (LOCAL_NAMES.has(name) ? `\`${LOCAL_NAMES.get(name)}${field}\`` : quoted));
}

/** The name in JavaScript of an option of the core. Names of request fields stay as they are. */
export function localizeOption(name: string): string {
  return LOCAL_NAMES.get(name) ?? name;
}

function toJSON(name: string, value: unknown, type: Option['type']): unknown {
  if (type === 'ms' && value === Infinity) {
    return null;
  }
  if (typeof value === 'function' || typeof value === 'symbol' || typeof value === 'bigint') {
    // No option is an array in JSON: the bridge, which knows the types, will name the one it expects.
    return [];
  }
  const json = type === 'headers' ? plainHeaders(value as HeadersInit) : value;
  const invalid = findInvalid(json);
  if (invalid !== undefined) {
    throw new ArgumentError(`\`${name}${invalid.path}\` ${invalid.problem}`, name);
  }
  return type === 'rateLimit' ? rateLimitJSON(name, json) : json;
}

/** A limit with the core's names, if it is an object. */
function rateLimitJSON(name: string, limit: unknown): unknown {
  if (describeType(limit) !== 'an Object') {
    return limit;
  }
  const fields = Object.entries(limit as object).map(([field, value]) => {
    const canonical = RATE_LIMIT_FIELDS.get(field);
    if (canonical === undefined) {
      throw new ArgumentError(`\`${name}\` has requests, tokens and per, but not \`${shownName(field)}\`.`, name);
    }
    return [canonical, value];
  });
  return Object.fromEntries(fields);
}

function unknownOption(name: string, target: Target): ArgumentError {
  const shown = shownName(name);
  if (BY_NAME.has(name)) {
    const advice = target === 'request' ? 'Set it on the client.' : 'Pass it with the call.';
    return new ArgumentError(`\`${shown}\` is not an option of a ${target}. ${advice}`, shown);
  }
  const simplified = (text: string) => text.toLowerCase().replace(/_|ms$/g, '');
  const similar = Object.keys(OPTIONS).find((known) => simplified(known) === simplified(name));
  return new ArgumentError(`Unknown ${target} option \`${shown}\`.${similar === undefined ? '' : ` Did you mean \`${similar}\`?`}`, shown);
}

function shownName(name: string): string {
  return JSON.stringify(name.slice(0, 64)).slice(1, -1);
}

function plainHeaders(headers: HeadersInit): unknown {
  const isIterable = typeof headers === 'object' && headers !== null && Symbol.iterator in headers;
  return isIterable ? Object.fromEntries(headers as Iterable<readonly [string, string]>) : headers;
}
