/** The SDK's log records, handed to loggers of JavaScript. They are kept by the addon until this asks. */

import { type Client, type Logs, native, variable } from './native';
import { Refusal } from './options';
import type { Logger, LogLevel } from './types';

/** Whose records go where. Kept by its clients and nobody else, so that it goes with them. */
class Listener {
  readonly held = new WeakRef(this);

  constructor(
    readonly logger: Logger,
    readonly level: 'info' | 'debug',
  ) {}
}

const listeners = new Set<WeakRef<Listener>>();
const ofClients = new WeakMap<Client, Listener>();
/** For all clients that say nothing themselves. */
let environment: Listener | undefined;

/** The addon's records, from the first time that some are wanted. */
let records: Logs | undefined;
let timer: NodeJS.Timeout | undefined;

/** Where records go that no logger was given for: standard output belongs to the program. */
const standardError: Logger = {
  info: (message) => console.error(`builderaikits info ${message}`),
  debug: (message) => console.error(`builderaikits debug ${message}`),
};

/** What a client's options say, checked; undefined where its records go nowhere of its own. */
export function listenerOf(logger: Logger | undefined, level: LogLevel | undefined): Listener | undefined {
  if (logger !== undefined && (typeof logger?.info !== 'function' || typeof logger.debug !== 'function')) {
    throw new Refusal('logger: must have the methods info and debug, as console has');
  }
  if (level !== undefined && !['off', 'info', 'debug'].includes(level)) {
    throw new Refusal('logLevel: must be off, info or debug');
  }
  const asked = native.logLevelFromEnv(variable);
  if (logger === undefined && level === undefined) {
    if (asked !== null && asked !== environment?.level && environment?.level !== 'debug') {
      environment = new Listener(standardError, asked);
    }
    return environment;
  }
  const wanted = level ?? asked ?? 'info';
  return wanted === 'off' ? undefined : new Listener(logger ?? standardError, wanted);
}

/** From now on, until the client and its copies are closed or collected. */
export function listen(client: Client, listener: Listener | undefined): void {
  if (listener !== undefined) {
    ofClients.set(client, listener);
    listeners.add(listener.held);
    loggers();
  }
}

/** A copy keeps what its original has. */
export function share(original: Client, copy: Client): void {
  const listener = ofClients.get(original);
  if (listener !== undefined) {
    ofClients.set(copy, listener);
  }
}

/** The client was closed. */
export function leave(client: Client): void {
  const listener = ofClients.get(client);
  if (listener === undefined || listener === environment) {
    return;
  }
  flush();
  listeners.delete(listener.held);
  loggers();
}

/** Hands over what was recorded. */
export function flush(): void {
  if (timer === undefined || records === undefined) {
    return;
  }
  const wanted = loggers();
  for (const { level, text } of records.take()) {
    for (const [logger, most] of wanted) {
      if (level === 'info' || most === 'debug') {
        try {
          logger[level](text);
        } catch {
          // A logger that fails takes no call with it.
        }
      }
    }
  }
}

/** All that there are, each once, with the most that it wants. So much is recorded. */
function loggers(): Map<Logger, 'info' | 'debug'> {
  const wanted = new Map<Logger, 'info' | 'debug'>();
  for (const kept of listeners) {
    const listener = kept.deref();
    if (listener === undefined) {
      listeners.delete(kept);
    } else if (wanted.get(listener.logger) !== 'debug') {
      wanted.set(listener.logger, listener.level);
    }
  }
  const levels = [...wanted.values()];
  const most = levels.includes('debug') ? 'debug' : levels[0];
  if (most !== undefined) {
    // A wait before a repeat is told while it lasts, not when the call ends.
    timer ??= setInterval(flush, 100).unref();
    records ??= new native.Logs();
  } else if (timer !== undefined) {
    clearInterval(timer);
    timer = undefined;
  }
  records?.want(most);
  return wanted;
}
