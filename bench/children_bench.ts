/**
 * Processes: started, waited for, reaped.
 */

import { EventLoop, type Operation, output, spawn, spawnProcess } from "@sd/fibers";

const PROCESSES = 20;

/** Times a fiber on a loop of its own that blocks the thread. */
function time(b: Deno.BenchContext, body: () => Operation<unknown>): void {
  using loop = new EventLoop();
  const fiber = spawn(body, { loop });
  fiber.addCallback(() => loop.exit());
  b.start();
  loop.loopSync();
  b.end();
  fiber.result();
}

function* oneByOne(): Operation<void> {
  for (let i = 0; i < PROCESSES; i++) yield* spawnProcess("/bin/true").status;
}

function* atOnce(): Operation<void> {
  const processes = Array.from({ length: PROCESSES }, () => spawnProcess("/bin/true"));
  for (const { status } of processes) yield* status;
}

function* withOutput(): Operation<void> {
  for (let i = 0; i < PROCESSES; i++) yield* output("/bin/echo", { args: ["hello"] });
}

const statusGroup = "20 processes";
const outputGroup = "20 processes and what they print";

Deno.bench("20 processes, one after the other", { group: statusGroup, baseline: true }, (b) => time(b, oneByOne));
Deno.bench("20 processes at once", { group: statusGroup }, (b) => time(b, atOnce));
Deno.bench("20 processes by Deno.Command, one after the other", { group: statusGroup }, async (b) => {
  b.start();
  for (let i = 0; i < PROCESSES; i++) await new Deno.Command("/bin/true").spawn().status;
  b.end();
});
Deno.bench("20 outputs, one after the other", { group: outputGroup, baseline: true }, (b) => time(b, withOutput));
Deno.bench("20 outputs by Deno.Command, one after the other", { group: outputGroup }, async (b) => {
  b.start();
  for (let i = 0; i < PROCESSES; i++) await new Deno.Command("/bin/echo", { args: ["hello"] }).output();
  b.end();
});
