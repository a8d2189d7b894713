/**
 * The ends of processes on a host that tells of things in another order, or not at all.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { Errno } from "../../../event/errno.ts";
import { ChildEvent } from "../../../event/flags.ts";
import { Descriptors } from "../../../event/kernel/emulated/descriptors.ts";
import type { ProcessRecord, SpawnedProcess } from "../../../event/kernel/kernel.ts";
import type { HostChild, HostCommand } from "../../../event/kernel/portable/child_process.ts";
import { Processes } from "../../../event/kernel/portable/processes.ts";
import { turn } from "../../../event/kernel/portable/turns.ts";
import { commandOf, emptyRecord } from "../_trial.ts";

/** A child that does what a test says. */
class FakeChild implements HostChild {
  readonly pid = 4_242;
  readonly signals: string[] = [];
  readonly stderr = undefined;
  /** Gives a chunk to whoever has asked for one. */
  give: ((chunk: Uint8Array | undefined) => void) | undefined;
  readonly stdin = { push: () => {}, close: () => {} };
  readonly stdout = { pull: (answer: (chunk: Uint8Array | undefined) => void) => void (this.give = answer), close: () => {} };
  readonly descriptors = new Descriptors(1 << 20);
  readonly processes = new Processes(this.descriptors, (command) => {
    this.#command = command;
    return this;
  });
  readonly spawned: SpawnedProcess;
  #command: HostCommand | undefined;

  constructor() {
    const spawned = this.processes.spawn(commandOf({ command: "x", args: [] }, { stdin: "piped", stdout: "piped" }));
    assert(typeof spawned === "object");
    this.spawned = spawned;
  }

  kill(signal: string): number {
    this.signals.push(signal);
    return 0;
  }

  exit(code: number): void {
    this.#command!.onExit({ code });
  }

  peek(): [found: number, record: ProcessRecord] {
    const record = emptyRecord();
    return [this.processes.peekProcess(this.spawned.handle, ChildEvent.EXITED, record), record];
  }
}

/** How many turns it takes until the end of the child is told. */
async function turnsUntilEnd(child: FakeChild, meanwhile: () => void = () => {}): Promise<number> {
  for (let turns = 0;; turns++) {
    if (child.peek()[0] === 1) return turns;
    assert(turns < 1_000, "It is never told");
    meanwhile();
    await turn("io");
  }
}

Deno.test("The end of a child is told when the last of its output has come", async () => {
  const child = new FakeChild();
  child.exit(3);
  for (let turns = 0; turns < 2; turns++) await turn("io");
  assertEquals(child.peek()[0], 0);
  child.give!(Uint8Array.of(1));
  await turn("io");
  assertEquals(child.peek()[0], 0);
  child.give!(undefined);
  await turnsUntilEnd(child);
  assertEquals(child.peek()[1].status, 3);
  const buffer = new Uint8Array(9);
  const output = child.descriptors.get(child.spawned.stdout)!.file;
  assertEquals([output.read(buffer), output.read(buffer)], [1, 0]);
});

Deno.test("The end of a child is told although its output never ends, also while others go on writing to it", async () => {
  const silent = new FakeChild();
  silent.exit(0);
  assert(await turnsUntilEnd(silent) < 20);
  const talking = new FakeChild();
  talking.exit(0);
  assert(await turnsUntilEnd(talking, () => talking.give!(Uint8Array.of(1))) < 200);
});

Deno.test("A child that has ended takes no input", async () => {
  const child = new FakeChild();
  const input = child.descriptors.get(child.spawned.stdin)!.file;
  assertEquals(input.write(Uint8Array.of(1)), 1);
  child.exit(0);
  await turnsUntilEnd(child);
  assertEquals(input.write(Uint8Array.of(1)), -Errno.EPIPE);
});

Deno.test("Kernel.signalProcess() asks nothing of the host for a child that has ended: its number may be another one's", async () => {
  const child = new FakeChild();
  const signal = () => child.processes.signalProcess(child.spawned.handle, 15, undefined);
  assertEquals([signal(), child.signals], [0, ["SIGTERM"]]);
  child.exit(0);
  await turnsUntilEnd(child);
  assertEquals([signal(), child.signals], [0, ["SIGTERM"]]);
  assertEquals(child.processes.reapProcess(child.spawned.handle, ChildEvent.EXITED, emptyRecord()), 1);
  assertEquals([signal(), child.signals], [-Errno.ESRCH, ["SIGTERM"]]);
});
