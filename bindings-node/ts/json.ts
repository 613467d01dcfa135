/** What JSON can say, and names for what it cannot. */

/** What is nested deeper is refused; this also ends an object that holds itself. */
const DEEPEST = 100;

/** Why a value cannot be written as JSON without loss, beginning with the place; undefined when it can. */
export function fault(value: unknown): string | undefined {
  const found = faultIn(value, 0);
  return found?.startsWith('.') ? found.slice(1) : found;
}

function faultIn(value: unknown, depth: number): string | undefined {
  switch (typeof value) {
    case 'string':
      return value.isWellFormed() ? undefined : `: ${SURROGATE}`;
    case 'number':
      return Number.isFinite(value) ? undefined : ': must be a finite number';
    case 'boolean':
    case 'undefined':
      return undefined;
    case 'object':
      break;
    default:
      return `: ${MADE_OF}; not a ${typeof value}`;
  }
  if (value === null || typeof (value as { toJSON?: unknown }).toJSON === 'function') {
    return undefined;
  }
  if (depth === DEEPEST) {
    return `: is nested over ${DEEPEST} levels deep, or holds itself`;
  }
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1) {
      const item: unknown = value[index];
      const found = item === undefined ? `: ${MADE_OF}; not undefined` : faultIn(item, depth + 1);
      if (found !== undefined) {
        return depth < SHOWN ? `[${index}]${found}` : found;
      }
    }
    return undefined;
  }
  const kind = Object.prototype.toString.call(value);
  if (kind !== '[object Object]') {
    return `: ${MADE_OF}; not a ${kind.slice(8, -1)}`;
  }
  for (const key of Object.keys(value)) {
    if (!key.isWellFormed()) {
      return `: a key ${SURROGATE}`;
    }
    const found = faultIn((value as Record<string, unknown>)[key], depth + 1);
    if (found !== undefined) {
      return depth < SHOWN ? `.${JSON.stringify(key).slice(1, -1)}${found}` : found;
    }
  }
  return undefined;
}

/** So many steps of a path are shown. */
const SHOWN = 8;
const SURROGATE = 'has a lone surrogate, which is half a character; see String.prototype.toWellFormed';
const MADE_OF = 'is made of strings, numbers, booleans, null, arrays and plain objects';
