/** The errors of the SDK: one tree, under `BuilderAIKitsError`. */

import { type Failed, native } from './native';
import { type Names, named } from './options';

/** What is known of a failed call, for errors made by hand; each is explained at `BuilderAIKitsError`. Times are milliseconds. */
export interface ErrorFields {
  /** Default: that of the class. */
  kind?: string | undefined;
  status?: number | undefined;
  code?: string | undefined;
  body?: Uint8Array | undefined;
  headers?: Record<string, string> | undefined;
  requestID?: string | undefined;
  attempts?: number | undefined;
  retryAfter?: number | undefined;
  mayHaveRun?: boolean | undefined;
  isRetryable?: boolean | undefined;
  idempotencyKey?: string | undefined;
  elapsed?: number | undefined;
  cause?: unknown;
}

/**
 * Every failure of the SDK. `String(error)` is one line: status, message, request id, attempts. Neither the API key nor
 * the prompt is in it. Errors can be made by hand, for tests: `new RateLimitError('slow down', { status: 429 })`.
 */
export class BuilderAIKitsError extends Error {
  static {
    describe(this, 'BuilderAIKitsError', 'internal');
  }

  /** The kind's name in every language of the SDK, such as `rate_limit`. */
  declare readonly kind: string;
  /** The HTTP status of the answer, if there was one. */
  declare readonly status: number | undefined;
  /** The service's own code, if it gave one. An open set. */
  declare readonly code: string | undefined;
  /** What the service sent, as received; the first 64 KiB when the status is 300 or above. It can hold parts of the
   * prompt, so it is not enumerable, and stands in no message and no log. */
  declare readonly body: Uint8Array | undefined;
  /** The headers of the answer, if there was one; names in lower case. Not enumerable. */
  declare readonly headers: Record<string, string> | undefined;
  /** The service's name for the request, to give to support. */
  declare readonly requestID: string | undefined;
  /** Attempts begun, sent or not; 0 when the call was refused before the first, or given up by its `signal`. */
  declare readonly attempts: number;
  /** How long the service asked to wait before the next request, in milliseconds, if it did. */
  declare readonly retryAfter: number | undefined;
  /** Whether any attempt of the call may have run on the service, and so may be billed. True for every call that its
   * `signal` gave up once it had begun, sent or not. */
  declare readonly mayHaveRun: boolean;
  /** Whether the call's options would repeat this outcome, whatever attempts, budget and time were left. */
  declare readonly isRetryable: boolean;
  /** The `Idempotency-Key` that all attempts of the call carried. Of one that its `signal` gave up, only a key of yours. */
  declare readonly idempotencyKey: string | undefined;
  /** From the start of the call to its end, in milliseconds: queue, attempts and waits. */
  declare readonly elapsed: number;

  /** `message`: what went wrong, in one line: the service's words where it gave any, ours elsewhere. */
  constructor(message = '', fields: ErrorFields = {}) {
    const { cause, kind, body, headers, attempts = 0, mayHaveRun = false, isRetryable = false, elapsed = 0, ...rest } = fields;
    super(message, cause === undefined ? undefined : { cause });
    if (kind !== undefined && kind !== this.kind) {
      hide(this, 'kind', kind);
    }
    hide(this, 'body', body);
    hide(this, 'headers', headers);
    for (const [name, value] of Object.entries({ ...rest, attempts, mayHaveRun, isRetryable, elapsed })) {
      if (value !== undefined) {
        (this as Record<string, unknown>)[name] = value;
      }
    }
  }

  /** One line: status, message, request id, attempts. */
  override toString(): string {
    return `${this.name}: ${native.errorText(this.message, this.status, this.requestID, this.attempts)}`;
  }
}

/** An option of the client is missing or bad; nothing was sent. The message names it, and the way out. */
export class ConfigurationError extends BuilderAIKitsError {
  static {
    describe(this, 'ConfigurationError', 'config');
  }
}

/** The request, or an option of this call, was refused before anything was sent. Mend the field it names. */
export class InvalidRequestError extends BuilderAIKitsError {
  static {
    describe(this, 'InvalidRequestError', 'invalid_request');
  }
}

/** The client was closed before the call. Make a new one, or close it later. */
export class ClientClosedError extends BuilderAIKitsError {
  static {
    describe(this, 'ClientClosedError', 'closed');
  }
}

/** The call was given up by its `signal`, whose reason is the `cause`. What was sent may run all the same. */
export class APIUserAbortError extends BuilderAIKitsError {
  static {
    describe(this, 'APIUserAbortError', 'cancelled');
  }
}

/** A defect of the SDK ended this call; other calls go on. Please report it. */
export class InternalError extends BuilderAIKitsError {
  static {
    describe(this, 'InternalError', 'internal');
  }
}

/** The call failed at the service, or on the way to it. See `mayHaveRun` before you repeat it. */
export class APIError extends BuilderAIKitsError {
  static {
    describe(this, 'APIError', 'status');
  }
}

/** The service answered with a status of 400 or above that has no class of its own; see `status` and `code`. */
export class APIStatusError extends APIError {
  static {
    describe(this, 'APIStatusError', 'status');
  }
}

/** 400: the service found the request malformed. Mend what the message names. */
export class BadRequestError extends APIStatusError {
  static {
    describe(this, 'BadRequestError', 'bad_request');
  }
}

/** 401: the API key is missing, wrong or revoked. Check BUILDERAIKITS_API_KEY against your dashboard. */
export class AuthenticationError extends APIStatusError {
  static {
    describe(this, 'AuthenticationError', 'authentication');
  }
}

/** 403: the API key may not do this. Use another key, or ask for the right. */
export class PermissionDeniedError extends APIStatusError {
  static {
    describe(this, 'PermissionDeniedError', 'permission_denied');
  }
}

/** 404: there is nothing at this address. Check `baseURL`, and the kit's name. */
export class NotFoundError extends APIStatusError {
  static {
    describe(this, 'NotFoundError', 'not_found');
  }
}

/** 409: the request conflicts with another one. Look at `code`, and at your idempotency keys. */
export class ConflictError extends APIStatusError {
  static {
    describe(this, 'ConflictError', 'conflict');
  }
}

/** 422: the service understood the request and will not do it. Change it before you repeat it. */
export class UnprocessableEntityError extends APIStatusError {
  static {
    describe(this, 'UnprocessableEntityError', 'unprocessable');
  }
}

/** 429: too many requests or tokens. Wait `retryAfter` milliseconds, send less at once, or raise your plan. */
export class RateLimitError extends APIStatusError {
  static {
    describe(this, 'RateLimitError', 'rate_limit');
  }
}

/** 500 or above: the service failed, repeats included. Try later; `mayHaveRun` says whether it may be billed. */
export class InternalServerError extends APIStatusError {
  static {
    describe(this, 'InternalServerError', 'server');
  }
}

/** No answer, one that was cut short or is not HTTP, or a server that could not be trusted. Check the network, `baseURL`,
 * proxy and certificates; `kind` is `tls` where it was about trust. */
export class APIConnectionError extends APIError {
  static {
    describe(this, 'APIConnectionError', 'connection');
  }
}

/** A limit of time ran out; the message says which, and in which phase. Give more `timeout`, or ask for less. */
export class APITimeoutError extends APIConnectionError {
  static {
    describe(this, 'APITimeoutError', 'timeout');
  }
}

/** The service answered something that is no run. `body` has what came; it may have been paid for. */
export class APIResponseValidationError extends APIError {
  static {
    describe(this, 'APIResponseValidationError', 'bad_response');
  }
}

const CLASSES = new Map(
  [
    ConfigurationError,
    InvalidRequestError,
    ClientClosedError,
    APIUserAbortError,
    InternalError,
    APIStatusError,
    BadRequestError,
    AuthenticationError,
    PermissionDeniedError,
    NotFoundError,
    ConflictError,
    UnprocessableEntityError,
    RateLimitError,
    InternalServerError,
    APIConnectionError,
    APITimeoutError,
    APIResponseValidationError,
  ].map((error) => [error.prototype.kind, error] as const),
);
CLASSES.set('tls', APIConnectionError);

/** The error of a record of the addon, whose message may begin with one of `names`. Its stack begins below `ours`. A
 * kind that is not known is of the base class. */
export function errorOf(failed: Failed, names: Names, ours: Function, cause?: unknown): BuilderAIKitsError {
  const { call: _, message, headers: text, ...fields } = failed;
  const headers = text === undefined ? undefined : (JSON.parse(text) as Record<string, string>);
  const error = new (CLASSES.get(failed.kind) ?? BuilderAIKitsError)(named(message, names), { ...fields, headers, cause });
  Error.captureStackTrace(error, ours);
  return error;
}

/** Names are spelled out, so that programs that shorten names keep these. */
function describe(error: { prototype: object }, name: string, kind: string): void {
  hide(error.prototype, 'name', name);
  hide(error.prototype, 'kind', kind);
}

function hide(object: object, name: string, value: unknown): void {
  if (value !== undefined) {
    Object.defineProperty(object, name, { value, enumerable: false, writable: true, configurable: true });
  }
}
