/**
 * `@thi.ng/csp`: bounded channels on promises. It has no tasks and no locks.
 *
 * @module
 */

import { channel } from "@thi.ng/csp";
import { equal } from "../checks.ts";
import type { Side } from "../side.ts";

async function passItems(n: number, capacity: number): Promise<number> {
  const items = channel<number>(capacity);
  async function produce(): Promise<void> {
    for (let i = 0; i < n; i++) equal(await items.write(i), true, "written");
  }
  async function consume(): Promise<number> {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += (await items.read())!;
    return sum;
  }
  const [sum] = await Promise.all([consume(), produce()]);
  return sum;
}

export const side: Side = {
  works: {
    channel_1: (n) => passItems(n, 1),
    channel_1024: (n) => passItems(n, 1024),
  },
};
