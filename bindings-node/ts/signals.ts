/** One abort listener for each signal, however many calls it can abort. */

import { ArgumentError } from './options';

/** What is known of a call when its signal aborts it. */
export interface SignalCall {
  startedAt: number;
  /** The serialized options of the call. */
  options: string | undefined;
}

type SignalCalls = Map<number, SignalCall>;

const signals = new Map<AbortSignal, { calls: SignalCalls; listener: () => void }>();

/** Listens to a signal and returns the map that its calls go into; undefined if it is already aborted. */
export function subscribeSignal(signal: AbortSignal, abortCalls: (signal: AbortSignal, calls: SignalCalls) => void): SignalCalls | undefined {
  try {
    if (signal.aborted) {
      return undefined;
    }
    let entry = signals.get(signal);
    if (entry === undefined) {
      const calls: SignalCalls = new Map();
      entry = { calls, listener: () => abortCalls(signal, calls) };
      signal.addEventListener('abort', entry.listener);
      signals.set(signal, entry);
    }
    return entry.calls;
  } catch (cause) {
    throw new ArgumentError('`signal` is not usable: signal.aborted or signal.addEventListener() threw; see `cause`.', 'signal', cause);
  }
}

/** Removes a call from its signal, and the listener with the last call. */
export function unsubscribeSignal(signal: AbortSignal, call?: number): void {
  const entry = signals.get(signal);
  if (entry === undefined) {
    return;
  }
  if (call !== undefined) {
    entry.calls.delete(call);
  }
  if (entry.calls.size === 0) {
    signals.delete(signal);
    try {
      signal.removeEventListener('abort', entry.listener);
    } catch {
      // An error in a signal implemented by the caller must not affect other calls.
    }
  }
}
