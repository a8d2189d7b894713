/**
 * Processes as the host starts and ends them.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { Errno } from "../../../event/errno.ts";
import { ChildEvent, IoEvent } from "../../../event/flags.ts";
import type { Handle, SpawnCommand, SpawnedProcess } from "../../../event/kernel/kernel.ts";
import { realHost } from "../../../event/kernel/portable/host.ts";
import { PortableKernel } from "../../../event/kernel/portable/portable_kernel.ts";
import { commandOf, emptyRecord } from "../_trial.ts";

const { EXITED } = ChildEvent;

/** A kernel of its own, whose children have all ended when the test does. */
function processTest(name: string, body: (kernel: PortableKernel) => Promise<void>): void {
  Deno.test(name, async () => {
    const kernel = new PortableKernel(realHost);
    await body(kernel);
    await until(kernel, () => kernel.runningProcesses === 0);
  });
}

async function until(kernel: PortableKernel, isSo: () => boolean): Promise<void> {
  for (let turns = 0; !isSo(); turns++) {
    assert(turns < 5_000, "It never happens");
    await kernel.turn("io");
  }
}

function start(kernel: PortableKernel, script: string, options: Partial<SpawnCommand> = {}): SpawnedProcess {
  const spawned = kernel.spawn(commandOf({ command: "sh", args: ["-c", script] }, options));
  assert(typeof spawned === "object");
  return spawned;
}

function read(kernel: PortableKernel, handle: Handle): string {
  const buffer = new Uint8Array(1_000);
  const count = kernel.tryRead(handle, buffer);
  return count < 0 ? "nothing" : new TextDecoder().decode(buffer.subarray(0, count));
}

/** The end of a process, consumed. */
async function endOf(kernel: PortableKernel, { handle }: SpawnedProcess): Promise<[code: number, status: number]> {
  const record = emptyRecord();
  await until(kernel, () => kernel.reapProcess(handle, EXITED, record) === 1);
  kernel.close(handle);
  return [record.code, record.status];
}

processTest("What a child wrote is there before the news of its end", async (kernel) => {
  const poller = kernel.openPoller();
  const children = Array.from({ length: 20 }, (_, number) => start(kernel, `echo ${number}; echo last`, { stdout: "piped" }));
  for (const [number, { handle, stdout }] of children.entries()) {
    poller.watch(handle, IoEvent.IN, false, number);
    const record = emptyRecord();
    await until(kernel, () => kernel.peekProcess(handle, EXITED, record) === 1);
    assertEquals([read(kernel, stdout), read(kernel, stdout)], [`${number}\nlast\n`, ""]);
    kernel.close(stdout);
    assertEquals(await endOf(kernel, children[number]), [1, 0]);
  }
  poller.close();
});

processTest("The end of a child is told although somebody else holds its output open", async (kernel) => {
  const child = start(kernel, "exec 3<&0; cat <&3 & echo started", { stdin: "piped", stdout: "piped" });
  const record = emptyRecord();
  const poller = kernel.openPoller();
  poller.watch(child.stdout, IoEvent.HUP, false, 1);
  await until(kernel, () => kernel.peekProcess(child.handle, EXITED, record) === 1);
  assertEquals(read(kernel, child.stdout), "started\n");
  poller.close();
  for (const handle of [child.stdin, child.stdout]) kernel.close(handle);
  assertEquals(await endOf(kernel, child), [1, 0]);
});

processTest("A child has the environment, the arguments and the directory that it is given", async (kernel) => {
  const script = 'echo "$GIVEN $INHERITED $PWD"';
  Deno.env.set("INHERITED", "inherited");
  const texts: string[] = [];
  for (const clearEnv of [false, true]) {
    const child = start(kernel, script, { stdout: "piped", env: { GIVEN: "given", PATH: Deno.env.get("PATH")! }, clearEnv, cwd: "/" });
    assertEquals(await endOf(kernel, child), [1, 0]);
    texts.push(read(kernel, child.stdout));
    kernel.close(child.stdout);
  }
  Deno.env.delete("INHERITED");
  assertEquals(texts, ["given inherited /\n", "given  /\n"]);
});

processTest("A child in a group of its own leads it", async (kernel) => {
  const child = start(kernel, "ps -o pgid= -p $$ 2>/dev/null || cut -d' ' -f5 /proc/$$/stat", { stdout: "piped", processGroup: true });
  assertEquals(await endOf(kernel, child), [1, 0]);
  assertEquals(Number(read(kernel, child.stdout)), child.pid);
  kernel.close(child.stdout);
});

processTest("Kernel.spawn() says at once why there is no process", (kernel) => {
  const spawn = (command: string, options: Partial<SpawnCommand> = {}) => kernel.spawn(commandOf({ command, args: [] }, options));
  assertEquals([spawn("/no/such/program"), spawn("surely-no-such-program"), spawn("")], Array(3).fill(-Errno.ENOENT));
  assertEquals(spawn("true", { cwd: "/no/such/directory" }), -Errno.ENOENT);
  assertEquals([spawn("/etc/passwd"), spawn("/etc")], [-Errno.EACCES, -Errno.EACCES]);
  assertEquals([spawn("a\0b"), spawn("true", { args: ["\0"] }), spawn("true", { env: { A: "\0" } })], Array(3).fill(-Errno.EINVAL));
  assertEquals(spawn("true", { args: ["x".repeat(10_000_000)] }), -Errno.E2BIG);
  return Promise.resolve();
});

processTest("A child can have this program's own streams, and none of this kernel's", async (kernel) => {
  const [reader, writer] = kernel.openPipe();
  const spawn = (stdio: Partial<SpawnCommand>) => kernel.spawn(commandOf({ command: "true", args: [] }, stdio));
  assertEquals([spawn({ stdout: { fd: writer } }), spawn({ stdin: { fd: reader } })], [-Errno.EOPNOTSUPP, -Errno.EOPNOTSUPP]);
  assertEquals(spawn({ stdout: { fd: 987_654 } }), -Errno.EBADF);
  assertEquals(spawn({ stdout: { fd: 2 } }), -Errno.EOPNOTSUPP); // that Deno cannot
  const child = spawn({ stdin: { fd: 0 }, stdout: { fd: 1 }, stderr: { fd: 2 } });
  assert(typeof child === "object");
  assertEquals([child.stdin, child.stdout, child.stderr], [-1, -1, -1]);
  assertEquals(await endOf(kernel, child), [1, 0]);
});

processTest("A signal ends a child", async (kernel) => {
  const child = start(kernel, "exec sleep 1000");
  assertEquals(kernel.signalProcess(child.handle, 34, undefined), -Errno.EOPNOTSUPP); // a real-time signal
  assertEquals(kernel.signalProcess(child.handle, 15, 7), -Errno.EOPNOTSUPP); // a value
  assertEquals(kernel.signalProcess(child.handle, 15, undefined), 0);
  await until(kernel, () => kernel.peekProcess(child.handle, EXITED, emptyRecord()) === 1);
  assertEquals(kernel.signalProcess(child.handle, 9, undefined), 0);
  assertEquals(await endOf(kernel, child), [2, 15]);
});

processTest("Kernel.openProcess() knows this process and the kernel's own children alone", async (kernel) => {
  const child = start(kernel, "read line", { stdin: "piped" });
  const handles = [kernel.openProcess(child.pid), kernel.openProcess(kernel.pid)];
  assertEquals(handles.map((handle) => kernel.processId(handle)), [child.pid, kernel.pid]);
  assertEquals(kernel.openProcess(1), -Errno.EOPNOTSUPP);
  for (const handle of [...handles, child.stdin]) kernel.close(handle);
  assertEquals(await endOf(kernel, child), [1, 1]);
});
