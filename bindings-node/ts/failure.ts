/** Failed calls as values: the error is constructed later, where the caller awaits it, so that its stack is the caller's. */

import { constants } from 'node:os';
import { classOfKind } from './error_classes';
import { BuilderAIKitsError, type ErrorFields } from './errors';
import { localField } from './names';
import type { ErrorRecord } from './native';
import { localizeMessage, localizeOption } from './options';

/** Fields of the core's error record that need more than a change of name. The others are copied by name. */
interface ErrorJSON {
  kind: string;
  message: string;
  /** The same line in every language; `toString` makes it from `message`, which may have been changed. */
  display: string;
  option?: string;
  status?: number;
  headers?: [name: string, value: string][];
  cause?: { message: string; errno?: number };
  [field: string]: unknown;
}

/** A call that failed, or a client that could not be created. */
export class Failure {
  constructor(
    readonly kind: string,
    readonly message: string,
    readonly fields: ErrorFields = {},
  ) {}

  /** Reads an error record of the addon. */
  static fromRecord(record: ErrorRecord): Failure {
    const { kind, message, display: _, option, headers, cause, ...others } = JSON.parse(record.json) as ErrorJSON;
    const fields = Object.entries(others).map(([name, value]) => localField(name, value));
    return new Failure(kind, others.status === undefined ? localizeMessage(message) : localizeReason(message), {
      ...Object.fromEntries(fields),
      option: option && localizeOption(option),
      headers: headers && joinHeaders(headers),
      cause: cause && systemError(cause),
      body: record.body,
    });
  }

  /** Constructs the error. Its stack starts at the caller of `stackStart`. A kind that this version does not know gets the
   * base class. */
  toError(stackStart: Function): BuilderAIKitsError {
    const error = new (classOfKind(this.kind) ?? BuilderAIKitsError)(this.message, { ...this.fields, kind: this.kind });
    Error.captureStackTrace(error, stackStart);
    return error;
  }
}

/** Localizes why a response was not retried, which the core adds at the end. The service's own words stay as they are. */
function localizeReason(message: string): string {
  const start = message.lastIndexOf(' (not retried: ');
  return start < 0 ? message : message.slice(0, start) + localizeMessage(message.slice(start));
}

/** A header that was sent twice is joined with a comma. */
function joinHeaders(pairs: [string, string][]): Record<string, string> {
  const joined = new Map<string, string>();
  for (const [name, value] of pairs) {
    const before = joined.get(name);
    joined.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return Object.fromEntries(joined);
}

/** An error of the operating system, with the `code` that Node's own errors have. */
function systemError({ message, errno }: { message: string; errno?: number }): Error {
  // Windows reports the number of a socket error, which Node names WSAECONNREFUSED.
  const code = Object.entries(constants.errno).find(([, number]) => number === errno)?.[0].replace(/^WSA/, '');
  return Object.assign(new Error(message), code === undefined ? {} : { code });
}
