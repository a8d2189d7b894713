/**
 * Deep equality, as the assertions of `@std/assert` understand it.
 *
 * @module
 */

/**
 * Whether two values are equal: primitives by value (`NaN` equals `NaN`, `0` equals `-0`), functions by identity, objects by
 * prototype and content. The content of a plain object or an array is its own enumerable properties; of a date its time, of a buffer
 * its bytes, of a `Map` or `Set` its entries in any order; of any other object all its properties, hidden, inherited and computed
 * ones too. Two errors are thus equal only if they were made at the same place: assert on their code and message instead.
 *
 * @param a One value.
 * @param b The other.
 * @returns Whether they are equal.
 */
export function equal(a: unknown, b: unknown): boolean {
  return equalWithin(new Map(), a, b);
}

/** `open` holds the pairs whose comparison is under way, so that a cycle ends. */
function equalWithin(open: Map<object, object>, a: unknown, b: unknown): boolean {
  if (a === b || Object.is(a, b)) return true;
  if (!isObject(a) || !isObject(b) || !samePrototype(a, b)) return false;
  const outer = open.get(a);
  if (outer === b) return true;
  open.set(a, b);
  const same = sameContent(open, a, b);
  if (outer === undefined) open.delete(a);
  else open.set(a, outer);
  return same;
}

function sameContent(open: Map<object, object>, a: object, b: object): boolean {
  if (a instanceof WeakMap || a instanceof WeakSet) throw new TypeError("Cannot compare weak collections: their content cannot be listed");
  if (a instanceof WeakRef) return equalWithin(open, a.deref(), (b as WeakRef<WeakKey>).deref());
  if (a instanceof Date) return Object.is(a.getTime(), (b as Date).getTime());
  if (a instanceof RegExp || a instanceof URL || a instanceof URLSearchParams) return String(a) === String(b);
  if (a instanceof ArrayBuffer) return sameProperties(open, new Uint8Array(a), new Uint8Array(b as ArrayBuffer));
  if (a instanceof Set) return sameEntries(open, [...a], [...b as Set<unknown>]);
  if (a instanceof Map) return sameEntries(open, [...a], [...b as Map<unknown, unknown>]);
  return sameProperties(open, a, b);
}

/** Equal entries are interchangeable, so the first partner that is found will do. */
function sameEntries(open: Map<object, object>, a: unknown[], b: unknown[]): boolean {
  if (a.length !== b.length) return false;
  for (const entry of a) {
    const partner = b.findIndex((other) => equalWithin(open, entry, other));
    if (partner < 0) return false;
    b.splice(partner, 1);
  }
  return true;
}

function sameProperties(open: Map<object, object>, a: object, b: object): boolean {
  if (Object.keys(a).length !== Object.keys(b).length) return false;
  for (const key of contentKeys(a).union(contentKeys(b))) {
    if (!(key in a) || !(key in b) || !equalWithin(open, Reflect.get(a, key), Reflect.get(b, key))) return false;
  }
  return true;
}

function contentKeys(object: object): Set<PropertyKey> {
  if (isPlain(object)) return new Set(Reflect.ownKeys({ ...object }));
  const keys = new Set<PropertyKey>();
  for (let at = object; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const key of Reflect.ownKeys(at)) keys.add(key);
  }
  return keys;
}

/** Holds nothing but its own enumerable properties. */
function isPlain(object: object): boolean {
  const prototype = Object.getPrototypeOf(object);
  return prototype === null || prototype === Object.prototype || Array.isArray(object) || ArrayBuffer.isView(object);
}

/** An object without a prototype counts as a plain one. */
function samePrototype(a: object, b: object): boolean {
  return (Object.getPrototypeOf(a) ?? Object.prototype) === (Object.getPrototypeOf(b) ?? Object.prototype);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
