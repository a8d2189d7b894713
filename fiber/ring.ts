/**
 * A first-in-first-out buffer that grows with its content.
 *
 * @module
 */

/** The items, in a circle whose length is a power of two. */
export class Ring<T> {
  #slots: (T | undefined)[] = new Array(8);
  #head = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(item: T): void {
    if (this.#size === this.#slots.length) this.#grow();
    this.#slots[(this.#head + this.#size) & (this.#slots.length - 1)] = item;
    this.#size++;
  }

  /** The oldest; `undefined` when there is none. */
  shift(): T | undefined {
    if (this.#size === 0) return undefined;
    const slots = this.#slots;
    const item = slots[this.#head];
    slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & (slots.length - 1);
    this.#size--;
    return item;
  }

  #grow(): void {
    const slots = this.#slots;
    const grown = slots.slice(this.#head).concat(slots.slice(0, this.#head));
    grown.length = slots.length * 2;
    this.#slots = grown;
    this.#head = 0;
  }
}
