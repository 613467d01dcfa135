/** The calls of this environment, of all its clients: begun, ended, given up. */

import { flush } from './logs';
import { type Calls, type Client, type Failed, native } from './native';
import { OF_CALL, Refusal } from './options';
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
export function ended(client: Client, request: string, given?: string, signal?: AbortSignal): Promise<Run | Failure> | Failure {
  // First, so that no call begins which its signal cannot give up.
  const listening = signal && listen(signal);
  if (signal !== undefined && listening === undefined) {
    return abandoned(signal);
  }
  const call = client.submit(request, given);
  if (typeof call !== 'number') {
    leave(signal);
    return new Failure(call);
  }
  listening?.set(call, { begun: performance.now(), given });
  return new Promise((end) => waiting.set(call, { end, signal, client }));
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
    leave(found.signal, call);
  }
}

/** What is known of a call that is given up. */
interface Watched {
  begun: number;
  given: string | undefined;
}

/** Signals with calls that they give up, and the one listener that each has then, however many calls there are. */
const watched = new Map<AbortSignal, { of: Map<number, Watched>; listener: () => void }>();

/** Listens to a signal, and gives where its calls are noted; undefined when it is aborted already. */
function listen(signal: AbortSignal): Map<number, Watched> | undefined {
  try {
    if (signal.aborted) {
      return undefined;
    }
    let entry = watched.get(signal);
    if (entry === undefined) {
      const of = new Map<number, Watched>();
      entry = { of, listener: () => giveUp(signal, of) };
      signal.addEventListener('abort', entry.listener);
      watched.set(signal, entry);
    }
    return entry.of;
  } catch (cause) {
    throw new Refusal('signal: cannot be listened to', cause);
  }
}

function leave(signal: AbortSignal | undefined, call?: number): void {
  const entry = signal && watched.get(signal);
  if (signal === undefined || entry === undefined) {
    return;
  }
  if (call !== undefined) {
    entry.of.delete(call);
  }
  if (entry.of.size === 0) {
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
