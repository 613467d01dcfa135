/** Hands the SDK's log records, which the addon keeps until they are drained, to loggers in JavaScript. */

import { type Client, type Logs, native, variable } from './native';
import { ArgumentError } from './options';
import type { Logger, LogLevel } from './types';

type Level = Exclude<LogLevel, 'off'>;

/** A logger and the level it wants. Only its clients hold it, so that it is collected with them. */
class AttachedLogger {
  readonly ref = new WeakRef(this);

  constructor(
    readonly logger: Logger,
    readonly level: Level,
  ) {}
}

const attached = new Set<WeakRef<AttachedLogger>>();
const byClient = new WeakMap<Client, AttachedLogger>();
/** Copies hold the logger of their original, and closing one does not detach it. */
const heldByCopy = new WeakMap<Client, AttachedLogger>();
/** The logger of all clients without logging options. */
let fromEnvironment: AttachedLogger | undefined;

/** The addon's log records; undefined until a client wants some. */
let records: Logs | undefined;
let timer: NodeJS.Timeout | undefined;

/** The default destination: standard output belongs to the program. */
const standardError: Logger = {
  info: (message) => console.error(`builderaikits info ${message}`),
  debug: (message) => console.error(`builderaikits debug ${message}`),
};

/** Validates the logging options of a client. Returns undefined if the client logs nothing. */
export function loggerFromOptions(logger: Logger | undefined, level: LogLevel | undefined): AttachedLogger | undefined {
  if (logger !== undefined && (typeof logger?.info !== 'function' || typeof logger.debug !== 'function')) {
    throw new ArgumentError('`logger` must have the methods info() and debug(), like console.', 'logger');
  }
  if (level !== undefined && !['off', 'info', 'debug'].includes(level)) {
    throw new ArgumentError('`logLevel` must be "off", "info" or "debug".', 'logLevel');
  }
  const variableLevel = native.logLevelFromEnv(variable);
  if (logger === undefined && level === undefined) {
    if (variableLevel !== null && variableLevel !== fromEnvironment?.level && fromEnvironment?.level !== 'debug') {
      fromEnvironment = new AttachedLogger(standardError, variableLevel);
    }
    return fromEnvironment;
  }
  const wanted = level ?? variableLevel ?? 'info';
  return wanted === 'off' ? undefined : new AttachedLogger(logger ?? standardError, wanted);
}

/** Sends records to the logger until the client is closed, or it and its copies are collected. */
export function attachLogger(client: Client, logger: AttachedLogger | undefined): void {
  if (logger !== undefined) {
    byClient.set(client, logger);
    attached.add(logger.ref);
    updateLevel();
  }
}

/** Gives a copy the logger of its original. */
export function inheritLogger(original: Client, copy: Client): void {
  const logger = byClient.get(original) ?? heldByCopy.get(original);
  if (logger !== undefined) {
    heldByCopy.set(copy, logger);
  }
}

/** Stops sending records to the logger of a closed client. */
export function detachLogger(client: Client): void {
  const logger = byClient.get(client);
  if (logger === undefined || logger === fromEnvironment) {
    return;
  }
  flush();
  attached.delete(logger.ref);
  updateLevel();
}

/** Sends the records that were kept since the last time. */
export function flush(): void {
  if (timer === undefined || records === undefined) {
    return;
  }
  const loggers = updateLevel();
  for (const { level, text } of records.drain()) {
    for (const [logger, wanted] of loggers) {
      if (level === 'info' || wanted === 'debug') {
        try {
          logger[level](text);
        } catch {
          // An error in a logger must not affect a call.
        }
      }
    }
  }
}

/** Sets the level that the attached loggers need, and returns each logger once, with the highest level that it wants. */
function updateLevel(): Map<Logger, Level> {
  const loggers = new Map<Logger, Level>();
  for (const ref of attached) {
    const logger = ref.deref();
    if (logger === undefined) {
      attached.delete(ref);
    } else if (loggers.get(logger.logger) !== 'debug') {
      loggers.set(logger.logger, logger.level);
    }
  }
  const levels = [...loggers.values()];
  const highest = levels.includes('debug') ? 'debug' : levels[0];
  if (highest !== undefined) {
    // So that a wait before a retry is logged while it lasts, not when the call completes.
    timer ??= setInterval(flush, 100).unref();
    records ??= new native.Logs();
  } else if (timer !== undefined) {
    clearInterval(timer);
    timer = undefined;
  }
  records?.setLevel(highest);
  return loggers;
}
