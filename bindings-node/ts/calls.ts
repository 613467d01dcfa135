/** The calls of all clients in this JavaScript environment: submitted, settled, aborted. */

import { Failure } from './failure';
import { flush } from './logs';
import { type Client, type CompletionQueue, type ErrorRecord, native } from './native';
import { type SignalCall, subscribeSignal, unsubscribeSignal } from './signals';
import type { Cost, ResponseMetadata } from './types';

interface PendingCall {
  settle(result: unknown): void;
  signal: AbortSignal | undefined;
  /** Held so that neither the client nor its logger is collected before the call settles. */
  client: Client;
}

let queue: CompletionQueue | undefined;
const pending = new Map<number, PendingCall>();

/** The queue in which the calls of all clients complete. Created with the first client. */
export function completionQueue(): CompletionQueue {
  queue ??= new native.CompletionQueue(drain);
  return queue;
}

/** Submits a call and resolves to its response, or to the failure. The addon keeps the process alive until then. */
export function submit<Response extends object>(
  client: Client,
  operation: string,
  request: string,
  options?: string,
  signal?: AbortSignal,
): Promise<Response | Failure> | Failure {
  // Before the call is submitted, so that no call starts that its signal cannot abort.
  const signalCalls = signal && subscribeSignal(signal, abortCalls);
  if (signal !== undefined && signalCalls === undefined) {
    return abortFailure(signal);
  }
  const call = client.submit(operation, request, options);
  if (typeof call !== 'number') {
    signal && unsubscribeSignal(signal);
    return Failure.fromRecord(call);
  }
  signalCalls?.set(call, { startedAt: performance.now(), options });
  return new Promise((settle) => pending.set(call, { settle: settle as (result: unknown) => void, signal, client }));
}

/** Called by the addon when the queue is no longer empty: once for many calls. */
function drain(): void {
  const completed = completionQueue().drain();
  for (let index = 0; index < completed.length; index += 2) {
    const result = completed[index + 1] as string | ErrorRecord;
    settle(completed[index] as number, typeof result === 'string' ? parseResponse(result) : Failure.fromRecord(result));
  }
  flush();
}

function parseResponse(json: string): object {
  const [response, metadata, cost] = JSON.parse(json) as [object, ResponseMetadata, (Cost | null)?];
  defineMetadata(response, 'responseMetadata', metadata);
  // Undefined for responses without a cost, null for a run whose cost is not known.
  if (cost !== undefined) {
    defineMetadata(response, 'cost', cost ?? undefined);
  }
  return response;
}

/** Defines a property that is not part of the response. JSON keeps a field of the response that has the same name. */
function defineMetadata(response: object, name: string, value: unknown): void {
  if (Object.hasOwn(response, name)) {
    const field = { [name]: (response as Record<string, unknown>)[name] };
    const before = (response as { toJSON?: unknown }).toJSON;
    defineHidden(response, 'toJSON', function (this: object) {
      return { ...(typeof before === 'function' ? before.call(this) : this), ...field };
    });
  }
  defineHidden(response, name, value);
}

function defineHidden(response: object, name: string, value: unknown): void {
  Object.defineProperty(response, name, { value, enumerable: false, configurable: true });
}

function settle(call: number, result: unknown): void {
  const found = pending.get(call);
  // Undefined for a call that was aborted just before.
  if (found !== undefined) {
    pending.delete(call);
    found.settle(result);
    found.signal && unsubscribeSignal(found.signal, call);
  }
}

function abortCalls(signal: AbortSignal, calls: Map<number, SignalCall>): void {
  for (const [call, details] of [...calls]) {
    queue?.abort(call);
    settle(call, abortFailure(signal, details));
  }
}

/** How many attempts the call made is not known here, nor an idempotency key that the core generated. */
function abortFailure(signal: AbortSignal, started?: SignalCall): Failure {
  const { idempotency_key: idempotencyKey } = JSON.parse(started?.options ?? '{}') as { idempotency_key?: string };
  return new Failure('cancelled', 'The request was aborted.', {
    mayHaveRun: started !== undefined,
    idempotencyKey,
    elapsedMs: started && performance.now() - started.startedAt,
    cause: signal.reason,
  });
}
