/** The addon: finds the package of this platform, and tells why there is none. */

import { closeSync, openSync, readSync } from 'node:fs';
import { resolve } from 'node:path';

/** What `src/client.rs` has. */
export interface Client {
  readonly baseUrl: string;
  withOptions(given: string): Client | Failed;
  submit(request: string, given: string | undefined): number | Failed;
  close(): void;
}

/** What `src/calls.rs` has. */
export interface Calls {
  /** Runs as texts of `[[call, …], [run, …], [responseMetadata, …]]`, and failures. */
  drain(): string | (string | Failed)[];
  abort(call: number): void;
}

/** What `src/logs.rs` has. */
export interface Logs {
  want(level: 'info' | 'debug' | undefined): void;
  take(): { level: 'info' | 'debug'; text: string }[];
}

/** The fields of an error, as `src/failure.rs` has them. */
export interface Failed {
  call?: number;
  kind: string;
  message: string;
  status?: number;
  code?: string;
  body?: Uint8Array;
  /** JSON. */
  headers?: string;
  requestID?: string;
  attempts: number;
  retryAfter?: number;
  mayHaveRun: boolean;
  isRetryable: boolean;
  idempotencyKey?: string | undefined;
  elapsed: number;
}

/** Has the value of a variable of the environment, by its name. */
type Variable = (name: string) => string | undefined;

interface Native {
  VERSION: string;
  Client: new () => Client;
  Calls: new (wake: () => void) => Calls;
  client(calls: Calls, given: string, variable: Variable): Client | Failed;
  errorText(message: string, status?: number, requestID?: string, attempts?: number): string;
  logLevelFromEnv(variable: Variable): 'info' | 'debug' | null;
  Logs: new () => Logs;
}

export const native: Native = load();

/** As `process.env` has it now. What a test runner has in its place need not be made of strings. */
export const variable: Variable = (name) => {
  const value: unknown = process.env[name] ?? undefined;
  return value === undefined ? undefined : String(value);
};

function load(): Native {
  const path = process.env['BUILDERAIKITS_NATIVE_PATH'];
  const triple = path ? path : tripleHere();
  let found: Native;
  try {
    found = path ? require(resolve(path)) : platformPackage(triple);
  } catch (cause) {
    throw new Error(reason(triple, cause), { cause });
  }
  const { version } = require('../package.json') as { version: string };
  if (found.VERSION !== version) {
    throw new Error(
      `@builderaikits/sdk ${version} cannot work with the addon of ${triple}, which is of ${found.VERSION}: ` +
        'install both anew, of one version',
    );
  }
  return found;
}

/** Spelled out, so that bundlers see every name. */
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
      throw new Error(`there is no package for ${triple}`);
  }
}

function tripleHere(): string {
  const here = `${process.platform}-${process.arch}`;
  if (process.platform === 'linux') {
    return `${here}-${isMusl() ? 'musl' : 'gnu'}`;
  }
  return process.platform === 'win32' ? `${here}-msvc` : here;
}

/** Which C library this process is linked to: the head of its program names the loader. A report would take longer. */
function isMusl(): boolean {
  try {
    const program = openSync(process.execPath, 'r');
    try {
      const head = Buffer.alloc(4096);
      readSync(program, head, 0, head.length, 0);
      return head.includes('/ld-musl-');
    } finally {
      closeSync(program);
    }
  } catch {
    return false;
  }
}

function reason(triple: string, cause: unknown): string {
  const words = cause instanceof Error ? cause.message : String(cause);
  const code = (cause as { code?: unknown } | null)?.code;
  const what = `the addon of @builderaikits/sdk for ${triple}`;
  if (code === 'MODULE_NOT_FOUND') {
    return (
      `${what} is not installed. Install again with optional dependencies (npm install --include=optional); ` +
      'where node_modules or the lockfile come from another platform, delete both first; ' +
      'or name an addon in BUILDERAIKITS_NATIVE_PATH'
    );
  }
  const glibc = /GLIBC_([\d.]+)' not found/.exec(words)?.[1];
  if (glibc !== undefined) {
    return `${what} needs glibc ${glibc} or later, and this system has an older one: use a newer image`;
  }
  if (/ld-linux|musl|Error relocating|libc\.so/.test(words)) {
    return `${what} is for another C library than this system's: install on the system that runs it (${words})`;
  }
  return `${what} cannot be loaded: ${words}`;
}
