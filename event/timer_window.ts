/**
 * When to wake inside the window that timers leave open (sd-event, section 10).
 *
 * Wake-ups of all loops of a machine gather at the same points of a coarse grid, so that an idle machine wakes seldom; machines
 * differ in where their grid lies, by a perturbation drawn from the boot id, so that a fleet does not wake in step.
 *
 * @module
 */

import type { Usec } from "./time.ts";

/** The accuracy of a timer that asks for none: 250 ms. */
export const DEFAULT_ACCURACY: Usec = 250_000;

const GRIDS = [60_000_000, 10_000_000, 1_000_000, DEFAULT_ACCURACY];

/** The perturbation of the machine that this boot id names, 0 to 59 999 999; 0 without one. */
export function perturbationOf(bootId: Uint8Array | undefined): Usec {
  if (bootId === undefined || bootId.length !== 16) return 0;
  const words = new DataView(bootId.buffer, bootId.byteOffset, 16);
  return Number((words.getBigUint64(0, true) ^ words.getBigUint64(8, true)) % 60_000_000n);
}

/**
 * The latest point of the coarsest grid that has one in the window, else the latest moment.
 *
 * @param from The earliest moment; 0 is at once, `Infinity` never.
 * @param until The latest moment.
 * @param perturbation How far the grids are shifted.
 */
export function chooseWakeup(from: Usec, until: Usec, perturbation: Usec): Usec {
  if (from === 0 || from === Infinity) return from;
  if (until <= from + 1) return from;
  if (until === Infinity) return from;
  for (const grid of GRIDS) {
    let point = Math.floor(until / grid) * grid + perturbation % grid;
    if (point >= until) {
      if (point < grid) return until;
      point -= grid;
    }
    if (point >= from) return point;
  }
  return until;
}
