/**
 * A binary heap whose items know where they sit, so that any of them can be moved or taken out.
 *
 * @module
 */

/** An indexed priority queue: `first` is the item that `before` puts ahead of all others. */
export class Prioq<T> {
  readonly #items: T[] = [];
  readonly #before: (a: T, b: T) => boolean;
  readonly #moved: (item: T, index: number) => void;

  /** `before` is a strict order; `moved` is told the index of an item whenever it changes, −1 when it has left. */
  constructor(before: (a: T, b: T) => boolean, moved: (item: T, index: number) => void) {
    this.#before = before;
    this.#moved = moved;
  }

  get size(): number {
    return this.#items.length;
  }

  get first(): T | undefined {
    return this.#items[0];
  }

  [Symbol.iterator](): IterableIterator<T> {
    return this.#items[Symbol.iterator]();
  }

  add(item: T): void {
    this.#items.push(item);
    this.#up(item, this.#items.length - 1);
  }

  removeAt(index: number): void {
    const items = this.#items;
    const item = items[index];
    const last = items.pop()!;
    this.#moved(item, -1);
    if (last === item) return;
    this.#place(last, index);
    this.reposition(index);
  }

  /** Another item takes the place of the one at `index`; it must compare as that does. */
  replaceAt(index: number, item: T): void {
    this.#moved(this.#items[index], -1);
    this.#place(item, index);
  }

  /** To be called when the item at `index` may compare differently now. */
  reposition(index: number): void {
    const item = this.#items[index];
    if (index > 0 && this.#before(item, this.#items[(index - 1) >> 1])) this.#up(item, index);
    else this.#down(item, index);
  }

  #place(item: T, index: number): void {
    this.#items[index] = item;
    this.#moved(item, index);
  }

  #up(item: T, index: number): void {
    const items = this.#items;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#before(item, items[parent])) break;
      this.#place(items[parent], index);
      index = parent;
    }
    this.#place(item, index);
  }

  #down(item: T, index: number): void {
    const items = this.#items;
    const size = items.length;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= size) break;
      if (child + 1 < size && this.#before(items[child + 1], items[child])) child++;
      if (!this.#before(items[child], item)) break;
      this.#place(items[child], index);
      index = child;
    }
    this.#place(item, index);
  }
}
