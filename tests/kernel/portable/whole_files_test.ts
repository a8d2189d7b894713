/**
 * Whole files, beyond what every kernel does with them.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { type FileHandle, open } from "node:fs/promises";
import process from "node:process";
import { Errno } from "../../../event/errno.ts";
import type { CompletionResult, KernelOperation, WriteMethod } from "../../../event/kernel/kernel.ts";
import { readFile, writeFile } from "../../../event/kernel/portable/whole_files.ts";
import { linuxKernel } from "../../../event/kernel/linux/mod.ts";
import { type FileHands, realFiles } from "../../_files.ts";
import { openDescriptors } from "../linux/descriptors.ts";

linuxKernel(); // opens libc, by which descriptors are counted

const methods = ["in-place", "append", "replace"] as const;

function perform(operation: Exclude<KernelOperation, { kind: "resolve" }>): Promise<CompletionResult> {
  return new Promise((resolve) => {
    const task = operation.kind === "readFile" ? readFile(operation, resolve) : writeFile(operation, resolve);
    assert(typeof task === "object", `${task}`);
  });
}

function write(files: FileHands, name: string, method: WriteMethod, mode: number = 0o644): Promise<CompletionResult> {
  return perform({ kind: "writeFile", path: `${files.directory}/${name}`, data: Uint8Array.of(1, 2, 3), mode, method });
}

Deno.test("writeFile() makes files with the mode that it is given, less the umask", async () => {
  using files = realFiles();
  for (const method of methods) {
    for (const mode of [0o600, 0o777]) {
      assertEquals(await write(files, `${method} ${mode}`, method, mode), 0);
      assertEquals(Deno.statSync(`${files.directory}/${method} ${mode}`).mode! & 0o777, mode & ~process.umask());
    }
  }
});

Deno.test("writeFile() has what replaces a file put on the disk before it takes the name, and nothing else", async () => {
  using files = realFiles();
  const probe = await open("/dev/null");
  const prototype: FileHandle = Object.getPrototypeOf(probe);
  await probe.close();
  const { sync } = prototype;
  const before = openDescriptors();
  const listings: string[][] = [];
  prototype.sync = function () {
    listings.push(files.list().filter((name) => !name.startsWith(".")));
    return sync.call(this);
  };
  try {
    for (const method of methods) assertEquals(await write(files, method, method), 0);
    assertEquals(listings, [["append", "in-place"]]);
    prototype.sync = () => Promise.reject(Object.assign(new Error("The disk fails"), { code: "EIO" }));
    assertEquals(await write(files, "lost", "replace"), -Errno.EIO);
  } finally {
    prototype.sync = sync;
  }
  assertEquals(files.list(), ["append", "in-place", "replace"]);
  assertEquals(openDescriptors(), before);
});

Deno.test("readFile() minds its limit where a file does not say its size, and where it says one beyond all memory", async () => {
  using files = realFiles();
  const vast = `${files.directory}/vast`;
  Deno.writeTextFileSync(vast, "");
  Deno.truncateSync(vast, 2 ** 40);
  const read = (path: string, limitBytes: number) => perform({ kind: "readFile", path, limitBytes });
  assertEquals([await read("/proc/self/stat", 10), await read(vast, 1_000)], [-Errno.EFBIG, -Errno.EFBIG]);
  assert(await read("/proc/self/stat", 10_000) instanceof Uint8Array);
});

Deno.test("readFile() and writeFile() are EOPNOTSUPP for FIFOs, which would wait on a thread that nobody can call back", async () => {
  using files = realFiles();
  const path = `${files.directory}/fifo`;
  assertEquals(new Deno.Command("mkfifo", { args: [path] }).outputSync().code, 0);
  assertEquals(await perform({ kind: "readFile", path, limitBytes: 10 }), -Errno.EOPNOTSUPP);
  for (const method of ["in-place", "append"] as const) assertEquals(await write(files, "fifo", method), -Errno.EOPNOTSUPP);
});
