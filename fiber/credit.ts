/**
 * How long a fiber may go on without a wait.
 *
 * One that always finds what it asks for would starve all others. So operations that end on the spot cost something, and a fiber that has spent the credit
 * of its turn gives way: after 64 calls on descriptors, or 1024 requests of primitives.
 *
 * @module
 */

const CREDIT = 1_024;
export const ON_THE_SPOT = 1;
export const SYSTEM_CALL = 16;

/** What the fiber that runs has left. */
let credit = 0;

/** A fiber's turn begins: what the one that it interrupts has left, for `endTurn`. */
export function beginTurn(): number {
  const before = credit;
  credit = CREDIT;
  return before;
}

export function endTurn(before: number): void {
  credit = before;
}

/** Whether an operation of this cost that need not wait may end on the spot; if not, it is to `parkReady` first. */
export function mayGoOn(cost: number): boolean {
  return (credit -= cost) >= 0;
}
