/**
 * How many online sources the kernel feeds, and the best priority among them.
 *
 * @module
 */

class Group {
  readonly priority: number;
  count: number = 0;

  constructor(priority: number) {
    this.priority = priority;
  }
}

/** Counts by priority. */
export class Census {
  total: number = 0;
  /** The smallest priority that is counted; `Infinity` when none is. */
  best: number = Infinity;
  readonly #groups = new Map<number, Group>();
  #latest = new Group(0);

  add(priority: number): void {
    this.total++;
    this.#group(priority).count++;
    if (priority < this.best) this.best = priority;
  }

  remove(priority: number): void {
    this.total--;
    const group = this.#group(priority);
    if (--group.count > 0) return;
    if (this.#groups.size > 64) this.#groups.delete(priority);
    if (priority === this.best) this.#findBest();
  }

  #group(priority: number): Group {
    if (this.#latest.priority === priority) return this.#keep(this.#latest);
    return this.#latest = this.#keep(this.#groups.get(priority) ?? new Group(priority));
  }

  #keep(group: Group): Group {
    if (group.count === 0) this.#groups.set(group.priority, group);
    return group;
  }

  #findBest(): void {
    let best = Infinity;
    for (const group of this.#groups.values()) {
      if (group.count > 0 && group.priority < best) best = group.priority;
    }
    this.best = best;
  }
}
