/** Names of options and error fields in JavaScript and in the core: `baseURL` and `base_url`. Both are derived by rule. */

/** Words that are written in capitals here. */
const ACRONYMS = new Set(['http', 'id', 'url']);

/** The core's name: `baseURL` becomes `base_url`. */
export function canonicalName(local: string): string {
  return local.replace(/[A-Z]+/g, (capitals) => `_${capitals.toLowerCase()}`);
}

/** The name in JavaScript: `base_url` becomes `baseURL`. */
export function localName(canonical: string): string {
  return canonical.replace(/_([a-z]+)/g, (_, word: string) => (ACRONYMS.has(word) ? word.toUpperCase() : word.charAt(0).toUpperCase() + word.slice(1)));
}
