/** Finds what JSON cannot represent, and names its place. */

import { native } from './native';

/** Steps of a path that a message shows. */
const MAX_PATH_SHOWN = 8;

const NOT_WELL_FORMED = 'an unpaired surrogate, which UTF-8 cannot encode; see String.prototype.toWellFormed()';

/** A part of a value that cannot be serialized. */
export interface Invalid {
  /** Its place, such as `.input.list[1]`; empty for the value itself. */
  path: string;
  /** The end of the sentence "It …". */
  problem: string;
}

/** Finds a part of `value` that cannot be serialized as JSON without loss. Values with a `toJSON` are not examined. */
export function findInvalid(value: unknown): Invalid | undefined {
  return find(value, 0);
}

/** Describes the type of a value for a message: `a number`, `an AbortSignal`, `undefined`. */
export function describeType(value: unknown): string {
  if (value === null || value === undefined) {
    return String(value);
  }
  const name = typeof value === 'object' ? Object.prototype.toString.call(value).slice(8, -1) : typeof value;
  return `${/^[aeio]/i.test(name) ? 'an' : 'a'} ${name}`;
}

function find(value: unknown, depth: number): Invalid | undefined {
  switch (typeof value) {
    case 'string':
      return value.isWellFormed() ? undefined : { path: '', problem: `contains ${NOT_WELL_FORMED}.` };
    case 'number':
      return Number.isFinite(value) ? undefined : { path: '', problem: `must be a finite number, not ${value}.` };
    case 'boolean':
    case 'undefined':
      return undefined;
    case 'object':
      break;
    default:
      return notSerializable(value);
  }
  if (value === null || typeof (value as { toJSON?: unknown }).toJSON === 'function') {
    return undefined;
  }
  // This also ends the search in an object that contains itself.
  if (depth === native.MAX_JSON_DEPTH) {
    return { path: '', problem: `is nested more than ${native.MAX_JSON_DEPTH} levels deep, or contains itself.` };
  }
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1) {
      const item: unknown = value[index];
      const found = item === undefined ? notSerializable(item) : find(item, depth + 1);
      if (found !== undefined) {
        return below(`[${index}]`, found, depth);
      }
    }
    return undefined;
  }
  if (Object.prototype.toString.call(value) !== '[object Object]') {
    return notSerializable(value);
  }
  for (const key of Object.keys(value)) {
    if (!key.isWellFormed()) {
      return { path: '', problem: `has a key with ${NOT_WELL_FORMED}.` };
    }
    const found = find((value as Record<string, unknown>)[key], depth + 1);
    if (found !== undefined) {
      return below(`.${JSON.stringify(key).slice(1, -1)}`, found, depth);
    }
  }
  return undefined;
}

function below(step: string, found: Invalid, depth: number): Invalid {
  return { path: depth < MAX_PATH_SHOWN ? step + found.path : '…', problem: found.problem };
}

function notSerializable(value: unknown): Invalid {
  const problem = `is not JSON-serializable: it is ${describeType(value)}. Use strings, numbers, booleans, null, arrays or plain objects.`;
  return { path: '', problem };
}
