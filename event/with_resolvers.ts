/**
 * A promise and the hands that settle it.
 *
 * @module
 */

/** As `Promise.withResolvers`, which Node has only from version 22 on. */
export function withResolvers<T>(): PromiseWithResolvers<T> {
  let resolve!: (value: T | PromiseLike<T>) => void;
  let reject!: (reason?: unknown) => void;
  const promise = new Promise<T>((...hands) => [resolve, reject] = hands);
  return { promise, resolve, reject };
}
