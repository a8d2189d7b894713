/**
 * The package as npm gets it, on Deno: `deno task npm` makes it, `deno test` with this path runs this.
 */

import { match, ok, strictEqual } from "node:assert";
import { readFileSync } from "node:fs";

const dist = new URL("../../npm/dist/", import.meta.url);
const { exports } = JSON.parse(readFileSync(new URL("package.json", dist), "utf8"));
// By a name that no checker follows: it is there only after `deno task npm`.
const { CancelledError, EventLoop, linuxKernel, simulatedKernel, sleep, spawn } = await import(new URL(exports["."].default, dist).href);

Deno.test("the package in one file stands on the Linux kernel where that is permitted", () => {
  const loop = new EventLoop();
  strictEqual(loop.kernel, linuxKernel());
  loop.addDefer(() => loop.exit(3));
  strictEqual(loop.loopSync(), 3);
  loop[Symbol.dispose]();
});

Deno.test("the package in one file leaves itself out of the stack of an interruption", () => {
  const loop = new EventLoop({ kernel: simulatedKernel() });
  const fiber = spawn(function* user() {
    yield* sleep(1_000_000);
  }, { loop });
  loop.addTimeRelative("monotonic", 1_000, () => fiber.cancel());
  fiber.addCallback(() => loop.exit(0));
  loop.loopSync();
  const { reason } = fiber.outcome;
  ok(reason instanceof CancelledError);
  const [, first, ...others] = reason.stack.split("\n");
  match(first, /at user .*smoke_deno\.mjs/);
  ok(!others.some((frame) => frame.includes("sd_fibers.js")));
  loop[Symbol.dispose]();
});
