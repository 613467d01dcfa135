/** The addon: its types, and how it is found and loaded. */

import { closeSync, openSync, readSync } from 'node:fs';
import { isAbsolute } from 'node:path';

/** Defined in `src/client.rs`. */
export interface Client {
  readonly baseUrl: string;
  withOptions(options: string): Client | ErrorRecord;
  submit(operation: string, request: string, options: string | undefined): number | ErrorRecord;
  /** The answer as JSON, with the core's names. */
  query(name: string, request: string): string | ErrorRecord;
  close(): void;
}

/** Defined in `src/completion_queue.rs`. */
export interface CompletionQueue {
  /** For each completed call its id, followed by JSON or by an error record. The JSON is defined in `src/response.rs`. */
  drain(): (number | string | ErrorRecord)[];
  abort(call: number): void;
}

/** Defined in `src/logs.rs`. */
export interface Logs {
  setLevel(level: 'info' | 'debug' | undefined): void;
  drain(): { level: 'info' | 'debug'; text: string }[];
}

/** Defined in `src/error_record.rs`. */
export interface ErrorRecord {
  /** All fields except the body. */
  json: string;
  body?: Uint8Array;
}

/** Returns the value of an environment variable. */
type Variable = (name: string) => string | undefined;

interface Native {
  VERSION: string;
  MAX_JSON_DEPTH: number;
  Client: new () => Client;
  CompletionQueue: new (wake: () => void) => CompletionQueue;
  Logs: new () => Logs;
  catalog(): string;
  createClient(queue: CompletionQueue, options: string, variable: Variable): Client | ErrorRecord;
  errorDisplay(message: string, status?: number, requestID?: string, attempts?: number): string;
  logLevelFromEnv(variable: Variable): 'info' | 'debug' | null;
}

export const native: Native = load();

/** Reads the current `process.env`. A test runner may replace it by an object whose values are not strings. */
export const variable: Variable = (name) => {
  const value: unknown = process.env[name] ?? undefined;
  return value === undefined ? undefined : String(value);
};

function load(): Native {
  const path = process.env['BUILDERAIKITS_NATIVE_PATH'];
  // Relative to the working directory it would load code from wherever the program is started.
  if (path && !isAbsolute(path)) {
    throw new Error('BUILDERAIKITS_NATIVE_PATH must be an absolute path.');
  }
  const triple = path ? path : currentTriple();
  let addon: Native;
  try {
    addon = path ? require(path) : platformPackage(triple);
  } catch (cause) {
    throw new Error(loadErrorMessage(triple, cause), { cause });
  }
  const { version } = require('../package.json') as { version: string };
  if (addon.VERSION !== version) {
    throw new Error(
      `Version mismatch: @builderaikits/sdk ${version} found its native addon (${triple}) at ${addon.VERSION}. ` +
        'Reinstall so that both have the same version.',
    );
  }
  return addon;
}

/** Written out, so that bundlers find every name. */
function platformPackage(triple: string): Native {
  switch (triple) {
    case 'darwin-arm64':
      return require('@builderaikits/sdk-darwin-arm64');
    case 'darwin-x64':
      return require('@builderaikits/sdk-darwin-x64');
    case 'linux-arm64-gnu':
      return require('@builderaikits/sdk-linux-arm64-gnu');
    case 'linux-arm64-musl':
      return require('@builderaikits/sdk-linux-arm64-musl');
    case 'linux-x64-gnu':
      return require('@builderaikits/sdk-linux-x64-gnu');
    case 'linux-x64-musl':
      return require('@builderaikits/sdk-linux-x64-musl');
    case 'win32-arm64-msvc':
      return require('@builderaikits/sdk-win32-arm64-msvc');
    case 'win32-x64-msvc':
      return require('@builderaikits/sdk-win32-x64-msvc');
    default:
      throw new Error(`@builderaikits/sdk does not support ${triple}`);
  }
}

function currentTriple(): string {
  const here = `${process.platform}-${process.arch}`;
  if (process.platform === 'linux') {
    return `${here}-${isMusl() ? 'musl' : 'gnu'}`;
  }
  return process.platform === 'win32' ? `${here}-msvc` : here;
}

/** Whether this process uses musl, whose loader is named in the head of the executable. `process.report` would take longer. */
function isMusl(): boolean {
  try {
    const executable = openSync(process.execPath, 'r');
    try {
      const head = Buffer.alloc(4096);
      readSync(executable, head, 0, head.length, 0);
      return head.includes('/ld-musl-');
    } finally {
      closeSync(executable);
    }
  } catch {
    return false;
  }
}

function loadErrorMessage(triple: string, cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  const code = (cause as { code?: unknown } | null)?.code;
  const addon = `The native addon of @builderaikits/sdk (${triple})`;
  if (code === 'MODULE_NOT_FOUND') {
    return (
      `${addon} is not installed. Install again with optional dependencies (npm install --include=optional). ` +
      'If node_modules or the lockfile come from another platform, delete both first. ' +
      'You can also set BUILDERAIKITS_NATIVE_PATH to the path of an addon.'
    );
  }
  const glibc = /GLIBC_([\d.]+)' not found/.exec(message)?.[1];
  if (glibc !== undefined) {
    return `${addon} needs glibc ${glibc} or later, but this system has an older version. Use a newer image.`;
  }
  if (/ld-linux|musl|Error relocating|libc\.so/.test(message)) {
    return `${addon} was built for another C library than this system's. Install on the system that runs it. (${message})`;
  }
  return `${addon} cannot be loaded: ${message}`;
}
