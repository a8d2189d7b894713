/**
 * Ports that the system chooses.
 *
 * @module
 */

/** Where Linux begins with them, and where there are no more. */
const first = 32_768;
const last = 65_535;

/** The ports of one protocol, given out in turn. */
export class Ports {
  #next = first;

  /** One that is not taken. */
  choose(isTaken: (port: number) => boolean): number {
    do {
      this.#next = this.#next === last ? first : this.#next + 1;
    } while (isTaken(this.#next));
    return this.#next;
  }
}
