/** The errors of the SDK: one tree under `BuilderAIKitsError`. Everything here is public. */

import { defineErrorClass, defineHidden } from './error_classes';
import { native } from './native';

/** The properties of every error. A new field of the core's error record needs a line here and nothing else. */
interface ErrorProperties {
  /** The kind's name, which is the same in every language of the SDK, such as `rate_limit`. */
  kind: string;
  /** The HTTP status of the response, if there was one. */
  status: number | undefined;
  /** The service's own error code, if it sent one. New codes may be added at any time. */
  code: string | undefined;
  /** The response body as received; the first 64 KiB if the status is 300 or above. It can contain parts of the prompt, so
   * it is not enumerable and appears in no message and no log. */
  body: Uint8Array | undefined;
  /** The response headers, if there was a response; names are in lower case. Not enumerable. */
  headers: Record<string, string> | undefined;
  /** The request id that the service assigned. Include it in support requests. */
  requestID: string | undefined;
  /** The option or request field that was rejected, if the error is about one. */
  option: string | undefined;
  /** Attempts started, whether or not they were sent; 0 if the call was rejected before the first one or aborted by its
   * `signal`. */
  attempts: number;
  /** How long the service asked to wait before the next request, or how long the rate limit would hold the call back, in
   * milliseconds, if either is known. */
  retryAfterMs: number | undefined;
  /** Whether any attempt of the call may have run on the service, and so may be billed. Always true for a call that its
   * `signal` aborted after it had started. */
  mayHaveRun: boolean;
  /** Whether the call's options would retry this outcome, regardless of attempts, retry budget and time left. */
  isRetryable: boolean;
  /** What stopped the last retry of a retryable failure: `max_retries`, `retry_after` (over 120 s), `deadline` (the wait would
   * end after it), `rate_limit` (the same, because of the rate limit) or `retry_budget`. New values may be added. */
  retryStoppedBy: string | undefined;
  /** The `Idempotency-Key` of all attempts of the call. For a call aborted by its `signal`: the key that you passed, if
   * you passed one. */
  idempotencyKey: string | undefined;
  /** Duration of the call in milliseconds, including queueing, attempts and waits. */
  elapsedMs: number;
}

/** Fields for errors that you construct, for example in tests. `kind` defaults to the kind of the class. */
export type ErrorFields = { [Name in keyof ErrorProperties]?: ErrorProperties[Name] | undefined } & { cause?: unknown };

const HIDDEN: readonly string[] = ['kind', 'body', 'headers'] satisfies (keyof ErrorProperties)[];
const DEFAULTS: Record<string, unknown> = { attempts: 0, mayHaveRun: false, isRetryable: false, elapsedMs: 0 };

export interface BuilderAIKitsError extends Readonly<ErrorProperties> {}

/**
 * The base class of all errors of the SDK. `String(error)` is one line: status, message, request id, attempts. It is made for
 * logs: SECURITY.md says what it can contain. If the operating system reported a connection error, `error.cause.code` is its
 * code, such as `ECONNREFUSED`.
 *
 * Errors can be constructed directly, for tests: `new RateLimitError('slow down', { status: 429 })`.
 */
export class BuilderAIKitsError extends Error {
  static { defineErrorClass(this, 'BuilderAIKitsError', 'internal'); }

  /** `message` says what went wrong in one line: in the service's words if it sent any. */
  constructor(message = '', fields: ErrorFields = {}) {
    const { cause, ...properties } = fields;
    super(message, cause === undefined ? undefined : { cause });
    for (const [name, given] of Object.entries({ ...DEFAULTS, ...properties })) {
      const value = given ?? DEFAULTS[name];
      if (value !== undefined) {
        HIDDEN.includes(name) ? defineHidden(this, name, value) : ((this as Record<string, unknown>)[name] = value);
      }
    }
  }

  /** Formats the error in one line: status, message, request id, attempts. */
  override toString(): string {
    return `${this.name}: ${native.errorDisplay(this.message, this.status, this.requestID, this.attempts)}`;
  }
}

/** An option of the client is missing or invalid. Nothing was sent. The message names the option and how to fix it. */
export class ConfigurationError extends BuilderAIKitsError {
  static { defineErrorClass(this, 'ConfigurationError', 'config'); }
}

/** The request, or an option of the call, was rejected before anything was sent. Fix the field that the message names. */
export class InvalidRequestError extends BuilderAIKitsError {
  static { defineErrorClass(this, 'InvalidRequestError', 'invalid_request'); }
}

/** The client was closed before the call. Create a new one, or close it later. */
export class ClientClosedError extends BuilderAIKitsError {
  static { defineErrorClass(this, 'ClientClosedError', 'closed'); }
}

/** The call was aborted by its `signal`, whose reason is the `cause`. A request that was already sent may still run. */
export class APIUserAbortError extends BuilderAIKitsError {
  static { defineErrorClass(this, 'APIUserAbortError', 'cancelled'); }
}

/** A bug in the SDK ended this call; other calls are not affected. Please report it. */
export class InternalError extends BuilderAIKitsError {
  static { defineErrorClass(this, 'InternalError', 'internal'); }
}

/** The call failed at the service or on the way to it. Check `mayHaveRun` before you retry it. */
export class APIError extends BuilderAIKitsError {
  static { defineErrorClass(this, 'APIError', 'status'); }
}

/** The response had a status of 400 or above that has no class of its own. See `status` and `code`. */
export class APIStatusError extends APIError {
  static { defineErrorClass(this, 'APIStatusError', 'status'); }
}

/** 400: the service found the request malformed. Fix what the message names. */
export class BadRequestError extends APIStatusError {
  static { defineErrorClass(this, 'BadRequestError', 'bad_request'); }
}

/** 401: the API key is missing, wrong or revoked. Compare BUILDERAIKITS_API_KEY with the key in your dashboard. */
export class AuthenticationError extends APIStatusError {
  static { defineErrorClass(this, 'AuthenticationError', 'authentication'); }
}

/** 403: the API key lacks permission. Use another key or request access. */
export class PermissionDeniedError extends APIStatusError {
  static { defineErrorClass(this, 'PermissionDeniedError', 'permission_denied'); }
}

/** 404: nothing exists at this address. Check `baseURL` and the name of the kit. */
export class NotFoundError extends APIStatusError {
  static { defineErrorClass(this, 'NotFoundError', 'not_found'); }
}

/** 409: the request conflicts with another one. Check `code` and whether you reused an idempotency key. */
export class ConflictError extends APIStatusError {
  static { defineErrorClass(this, 'ConflictError', 'conflict'); }
}

/** 422: the service understood the request but cannot process it. Change it before you retry it. */
export class UnprocessableEntityError extends APIStatusError {
  static { defineErrorClass(this, 'UnprocessableEntityError', 'unprocessable'); }
}

/** 429: too many requests or tokens. Or the rate limit would hold the call back beyond its `timeout`; then it was not sent, and
 * `status` is undefined. Wait `retryAfterMs` milliseconds, set `rateLimit` to your plan, or raise `timeout`. */
export class RateLimitError extends APIStatusError {
  static { defineErrorClass(this, 'RateLimitError', 'rate_limit'); }
}

/** 500 or above: the service failed, also on every retry. Try again later; `mayHaveRun` says whether it may be billed. */
export class InternalServerError extends APIStatusError {
  static { defineErrorClass(this, 'InternalServerError', 'server'); }
}

/** There was no response, a truncated one, one that is not HTTP, or the server's certificate is not trusted. Check the
 * network, `baseURL`, proxy and certificates. `kind` is `tls` if the TLS handshake failed, else `connection`. */
export class APIConnectionError extends APIError {
  static { defineErrorClass(this, 'APIConnectionError', 'connection', 'tls'); }
}

/** A timeout elapsed; the message says which one and in which phase. Raise `timeout`, or request less. */
export class APITimeoutError extends APIConnectionError {
  static { defineErrorClass(this, 'APITimeoutError', 'timeout'); }
}

/** The response is not valid. You may have been billed; `body` has the raw response. */
export class APIResponseValidationError extends APIError {
  static { defineErrorClass(this, 'APIResponseValidationError', 'bad_response'); }
}
