/** Which class an error of each kind has; `errors.ts` registers its classes here. */

import type { BuilderAIKitsError, ErrorFields } from './errors';

type ErrorClass = new (message?: string, fields?: ErrorFields) => BuilderAIKitsError;

const CLASSES = new Map<string, ErrorClass>();

/** The class of a kind; undefined if this version does not know the kind. */
export function classOfKind(kind: string): ErrorClass | undefined {
  return CLASSES.get(kind);
}

/** Sets the name of a class, which is spelled out because minifiers shorten `Class.name`, and its kinds. The first kind is
 * that of errors constructed directly. Where two classes have a kind in common, the later one gets the errors of calls. */
export function defineErrorClass(Class: ErrorClass, name: string, ...kinds: [string, ...string[]]): void {
  defineHidden(Class.prototype, 'name', name);
  defineHidden(Class.prototype, 'kind', kinds[0]);
  for (const kind of kinds) {
    CLASSES.set(kind, Class);
  }
}

/** Defines a property that neither `console.log` nor `JSON.stringify` shows. */
export function defineHidden(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, enumerable: false, writable: true, configurable: true });
}
