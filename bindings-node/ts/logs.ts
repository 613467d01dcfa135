/** The SDK's log records, handed to loggers of JavaScript. They are kept by the addon until this asks. */

import { native, variable } from './native';
import { Refusal } from './options';
import type { Logger, LogLevel } from './types';

const loggers = new Map<Logger, LogLevel>();
let askedEnvironment = false;
let timer: NodeJS.Timeout | undefined;

/** Where records go that no logger was given for: standard output belongs to the program. */
const standardError: Logger = {
  info: (message) => console.error(`builderaikits info ${message}`),
  debug: (message) => console.error(`builderaikits debug ${message}`),
};

/** Takes what a client's options, and once the environment, say. */
export function listen(logger: Logger | undefined, level: LogLevel | undefined): void {
  if (logger !== undefined && (typeof logger?.info !== 'function' || typeof logger.debug !== 'function')) {
    throw new Refusal('logger: must have the methods info and debug, as console has');
  }
  if (level !== undefined && !['off', 'info', 'debug'].includes(level)) {
    throw new Refusal('logLevel: must be off, info or debug');
  }
  if (level !== undefined || logger !== undefined) {
    add(logger ?? standardError, level ?? native.logLevelFromEnv(variable) ?? 'info');
  } else if (!askedEnvironment) {
    askedEnvironment = true;
    add(standardError, native.logLevelFromEnv(variable) ?? 'off');
  }
}

/** Hands over what was recorded. */
export function flush(): void {
  if (timer === undefined) {
    return;
  }
  for (const { level, text } of native.takeLogs()) {
    for (const [logger, most] of loggers) {
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

function add(logger: Logger, level: LogLevel): void {
  const before = loggers.get(logger);
  if (level === 'off' || before === 'debug') {
    return;
  }
  loggers.set(logger, level);
  native.recordLogs(level);
  // A wait before a repeat is told while it lasts, not when the call ends.
  timer ??= setInterval(flush, 100).unref();
}
