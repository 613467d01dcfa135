/** How a call, or a query about a request, starts. An endpoint is a method like `Kits.run`, which names its operation and
 * types. */

import { submit } from './calls';
import { Failure } from './failure';
import type { Client } from './native';
import { ArgumentError, checkOptionsObject, serializeOptions } from './options';
import { query } from './query';
import type { RequestOptions } from './types';
import { findInvalid } from './validate';

/** Validates and serializes the arguments of any operation, and submits it. */
export function startOperation<Response extends object>(
  client: Client,
  operation: string,
  request: unknown,
  options: RequestOptions | null | undefined,
): Promise<Response | Failure> | Failure {
  return withBody(request, (body) => {
    const { json, signal } = checkOptions(options);
    return submit<Response>(client, operation, body, json, signal);
  });
}

/** Validates and serializes a request, and returns what the core knows of it. Sends nothing. */
export function queryRequest<Answer extends object>(client: Client, name: string, request: unknown): Answer | Failure {
  return withBody(request, (body) => query<Answer>(client, name, body));
}

function withBody<Result>(request: unknown, use: (body: string) => Result | Failure): Result | Failure {
  try {
    checkSerializable(request);
    const body = JSON.stringify(request) ?? 'null';
    const result = use(body);
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
  checkOptionsObject(options, 'request');
  const { signal, ...others } = options;
  // Not checked by class: test environments and polyfills have their own.
  const { addEventListener, removeEventListener } = signal ?? {};
  if (signal !== undefined && signal !== null && [addEventListener, removeEventListener].some((method) => typeof method !== 'function')) {
    throw new ArgumentError('`signal` must be an AbortSignal.', 'signal');
  }
  return { json: serializeOptions(others, 'request'), signal: signal ?? undefined };
}
