/** Names in JavaScript and in the core, such as `baseURL` and `base_url`. Both are derived by rule. */

/** Words that are written in capitals here. */
const ACRONYMS = new Set(['http', 'id', 'url']);

/** Fields of the core's records that are durations in seconds. */
const SECONDS = new Set(['retry_after', 'elapsed', 'limit_per', 'closed_for']);

/** The core's name: `baseURL` becomes `base_url`. */
export function canonicalName(local: string): string {
  return local.replace(/[A-Z]+/g, (capitals) => `_${capitals.toLowerCase()}`);
}

/** The name in JavaScript: `base_url` becomes `baseURL`. */
export function localName(canonical: string): string {
  return canonical.replace(/_([a-z0-9]+)/g, (_, word: string) => (ACRONYMS.has(word) ? word.toUpperCase() : word.charAt(0).toUpperCase() + word.slice(1)));
}

/** A record of the core with JavaScript's names, at every level. Durations are in milliseconds, and their names end with `Ms`. */
export function localRecord(record: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => localField(name, value)));
}

/** The name and value in JavaScript of a field of the core's records. */
export function localField(name: string, value: unknown): [name: string, value: unknown] {
  if (SECONDS.has(name)) {
    return [`${localName(name)}Ms`, value === null ? null : milliseconds(value as number)];
  }
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
  return [localName(name), isRecord ? localRecord(value) : value];
}

/** Rounded to the microsecond, since 1.1 s would be 1100.0000000000002 ms. */
function milliseconds(seconds: number): number {
  return Math.round(seconds * 1e6) / 1e3;
}
