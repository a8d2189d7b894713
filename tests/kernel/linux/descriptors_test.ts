import { assert, assertEquals, assertMatch } from "@std/assert";
import { openSync, writeSync } from "node:fs";
import { Errno } from "../../../event/errno.ts";
import type { Handle } from "../../../event/kernel/kernel.ts";
import { readFile } from "../../../event/kernel/linux/descriptors.ts";
import { failure, libc } from "../../../event/kernel/linux/libc.ts";
import { linuxKernel } from "../../../event/kernel/linux/mod.ts";
import { realFiles } from "../../_files.ts";
import { isBlocking, isCloseOnExec } from "./descriptors.ts";

const kernel = linuxKernel();

Deno.test("Kernel.openPipe() and duplicate() make handles that are closed by exec, above the standard streams", () => {
  const [reader, writer] = kernel.openPipe() as [Handle, Handle];
  const twin = kernel.duplicate(writer);
  for (const handle of [reader, writer, twin]) {
    assert(handle > 2 && isCloseOnExec(handle) && !isBlocking(handle));
    assertEquals(kernel.close(handle), 0);
  }
});

Deno.test("Kernel.openTimeChange(), openPressure() and openPoller() make handles that do not wait and are closed by exec", () => {
  const changes = kernel.openTimeChange();
  const opened = kernel.openPressure("/dev/null", true);
  const poller = kernel.openPoller();
  assert(typeof opened === "object" && typeof poller === "object");
  for (const handle of [changes, opened.handle, poller.handle]) assert(isCloseOnExec(handle));
  for (const handle of [changes, opened.handle]) {
    assert(!isBlocking(handle));
    assertEquals(kernel.close(handle), 0);
  }
  poller.close();
});

Deno.test("Kernel.openTimeChange() opens a timer that is cancelled when somebody sets the clock", () => {
  const changes = kernel.openTimeChange();
  const text = new Uint8Array(1_000);
  const length = readFile(`/proc/self/fdinfo/${changes}`, text);
  const TFD_TIMER_ABSTIME_CANCEL_ON_SET = "03";
  assertMatch(new TextDecoder().decode(text.subarray(0, length)), new RegExp(`^settime flags: ${TFD_TIMER_ABSTIME_CANCEL_ON_SET}$`, "m"));
  assertEquals(kernel.close(changes), 0);
});

Deno.test("Kernel.setBlocking() says what was and changes only that", () => {
  const [reader, writer] = kernel.openPipe() as [Handle, Handle];
  assertEquals(kernel.setBlocking(reader, false), 0);
  assertEquals(kernel.setBlocking(reader, true), 0);
  assert(isBlocking(reader) && isCloseOnExec(reader));
  assertEquals(kernel.setBlocking(reader, true), 1);
  assertEquals(kernel.setBlocking(reader, false), 1);
  assert(!isBlocking(reader));
  kernel.close(reader);
  kernel.close(writer);
  assertEquals(kernel.setBlocking(reader, false), -Errno.EBADF);

  using files = realFiles();
  const log = openSync(`${files.directory}/log`, "a");
  assertEquals([kernel.setBlocking(log, false), kernel.setBlocking(log, true)], [1, 0]);
  for (const text of ["one ", "two"]) {
    writeSync(log, new TextEncoder().encode(text), 0, text.length, 0);
  }
  kernel.close(log);
  assertEquals(new TextDecoder().decode(files.get("log")), "one two");
});

Deno.test("Kernel.tryWrite() to a pipe that nobody reads is EPIPE and no signal, as the host ignores SIGPIPE", () => {
  const [reader, writer] = kernel.openPipe() as [Handle, Handle];
  kernel.close(reader);
  assertEquals(kernel.tryWrite(writer, Uint8Array.of(1)), -Errno.EPIPE);
  kernel.close(writer);
});

Deno.test("Kernel.tryRead() and tryWrite() keep to the part of the buffer that they were given", () => {
  const [reader, writer] = kernel.openPipe() as [Handle, Handle];
  assertEquals(kernel.tryWrite(writer, Uint8Array.of(1, 2, 3, 4).subarray(1, 3)), 2);
  const buffer = new Uint8Array(6);
  assertEquals(kernel.tryRead(reader, buffer.subarray(2, 5)), 2);
  assertEquals(buffer, Uint8Array.of(0, 0, 2, 3, 0, 0));
  kernel.close(reader);
  kernel.close(writer);
});

Deno.test("failure() is EIO where the errno got lost, for a failure must not read as a success", () => {
  const errno = libc.__errno_location();
  libc.copyTo(errno, new Uint8Array(4), 4n);
  assertEquals(failure(), -Errno.EIO);
});

Deno.test("Kernel.environment() knows the environment of the moment", () => {
  assertEquals(kernel.environment("PATH"), Deno.env.get("PATH"));
  assertEquals(kernel.environment("SD_FIBERS_NOT_SET"), undefined);
  assertEquals(kernel.environment("PATH\0"), undefined);
  Deno.env.set("SD_FIBERS_TEST", "é=1");
  assertEquals(kernel.environment("SD_FIBERS_TEST"), "é=1");
  Deno.env.delete("SD_FIBERS_TEST");
});

Deno.test("Kernel.bootId() and pid are the machine's and the process's", () => {
  assertEquals(kernel.pid, Deno.pid);
  const id = kernel.bootId()!;
  assertEquals(id.length, 16);
  assertEquals(id[6] >> 4, 4, "a random UUID");
});

Deno.test("Kernel.openPoller() and openListener() that run out of descriptors leave none behind", async () => {
  const script = new URL("fixtures/out_of_descriptors.ts", import.meta.url).pathname;
  const command = new Deno.Command("/bin/sh", { args: ["-c", `ulimit -n 100; exec "${Deno.execPath()}" run --allow-ffi "${script}"`] });
  const { stdout, stderr } = await command.output();
  assertEquals(new TextDecoder().decode(stderr), "");
  assertEquals(
    new TextDecoder().decode(stdout),
    "openPoller 0 1 2 opened 3\nopenClock 0 opened 1\nopenPipe 0 1 opened 2\nopenListener 0 opened 1\n",
  );
});
