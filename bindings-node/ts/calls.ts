/** The calls of this environment, of all its clients: begun, ended, given up. */

import { flush } from './logs';
import { type Calls, type Client, type Failed, native } from './native';
import { OF_CALL } from './options';
import type { ResponseMetadata, Run } from './types';

/** Why a call has no run. */
export class Failure {
  constructor(
    readonly failed: Failed,
    readonly cause?: unknown,
  ) {}
}

interface Waiting {
  end(end: Run | Failure): void;
  signal: AbortSignal | undefined;
  /** Kept until then, and with it who is told of its logs. */
  client: Client;
}

let calls: Calls | undefined;
const waiting = new Map<number, Waiting>();

/** Where the calls of all clients end. Made with the first one, so that a program that makes none has none of it. */
export function callsHere(): Calls {
  calls ??= new native.Calls(drain);
  return calls;
}

/** Begins a call, and gives what it ends in. The addon keeps the process alive until then. */
export function ended(client: Client, request: string, given?: string, signal?: AbortSignal): Promise<Run | Failure> {
  return new Promise((end) => {
    if (signal?.aborted) {
      end(abandoned(signal));
      return;
    }
    const call = client.submit(request, given);
    if (typeof call !== 'number') {
      end(new Failure(call));
      return;
    }
    waiting.set(call, { end, signal, client });
    if (signal !== undefined) {
      watch(signal, call, given);
    }
  });
}

/** Called by the addon when calls have ended: once for many. */
function drain(): void {
  const ended = callsHere().drain();
  for (const part of typeof ended === 'string' ? [ended] : ended) {
    if (typeof part === 'string') {
      settleAll(...(JSON.parse(part) as [number[], Run[], ResponseMetadata[]]));
    } else {
      settle(part.call as number, new Failure(part));
    }
  }
  flush();
}

function settleAll(numbers: number[], runs: Run[], metadata: ResponseMetadata[]): void {
  for (const [index, run] of runs.entries()) {
    Object.defineProperty(run, 'responseMetadata', { value: metadata[index], enumerable: false, configurable: true });
    settle(numbers[index] as number, run);
  }
}

function settle(call: number, end: Run | Failure): void {
  const found = waiting.get(call);
  // One that was given up just before has nobody.
  if (found !== undefined) {
    waiting.delete(call);
    found.end(end);
    if (found.signal !== undefined) {
      unwatch(found.signal, call);
    }
  }
}

/** What is known of a call that is given up. */
interface Watched {
  begun: number;
  given: string | undefined;
}

/** Signals with calls that they give up, and the one listener that each has then, however many calls there are. */
const watched = new Map<AbortSignal, { of: Map<number, Watched>; listener: () => void }>();

function watch(signal: AbortSignal, call: number, given: string | undefined): void {
  let entry = watched.get(signal);
  if (entry === undefined) {
    const of = new Map<number, Watched>();
    entry = { of, listener: () => giveUp(signal, of) };
    watched.set(signal, entry);
    signal.addEventListener('abort', entry.listener);
  }
  entry.of.set(call, { begun: performance.now(), given });
}

function unwatch(signal: AbortSignal, call: number): void {
  const entry = watched.get(signal);
  if (entry?.of.delete(call) && entry.of.size === 0) {
    watched.delete(signal);
    try {
      signal.removeEventListener('abort', entry.listener);
    } catch {
      // A signal of the user's making takes no other call with it.
    }
  }
}

function giveUp(signal: AbortSignal, of: Map<number, Watched>): void {
  for (const [call, known] of [...of]) {
    calls?.abort(call);
    settle(call, abandoned(signal, known));
  }
}

/** How far a call that had begun came is not known here, nor the key that the core made for it. */
function abandoned(signal: AbortSignal, known?: Watched): Failure {
  const given = JSON.parse(known?.given ?? '{}') as Record<string, string>;
  const failed: Failed = {
    kind: 'cancelled',
    message: 'the call was given up by its signal',
    attempts: 0,
    mayHaveRun: known !== undefined,
    isRetryable: false,
    idempotencyKey: given[OF_CALL.idempotencyKey],
    elapsed: known === undefined ? 0 : performance.now() - known.begun,
  };
  return new Failure(failed, signal.reason);
}
