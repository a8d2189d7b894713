import { assert, assertEquals } from "@std/assert";
import process from "node:process";
import { Errno } from "../../../event/errno.ts";
import type { CompletionResult, KernelOperation, WriteFileOperation } from "../../../event/kernel/kernel.ts";
import { readFile, writeFile } from "../../../event/kernel/linux/files.ts";
import { libc } from "../../../event/kernel/linux/libc.ts";
import { linuxKernel } from "../../../event/kernel/linux/mod.ts";
import { type FileHands, realFiles } from "../../_files.ts";
import { openDescriptors } from "./descriptors.ts";

linuxKernel(); // opens libc

const methods = ["in-place", "append", "replace"] as const;

function perform(operation: Exclude<KernelOperation, { kind: "resolve" }>): Promise<CompletionResult> {
  return new Promise((resolve) => {
    const task = operation.kind === "readFile" ? readFile(operation, resolve) : writeFile(operation, resolve);
    assert(typeof task === "object", `${task}`);
  });
}

function read(path: string, limitBytes: number): Promise<CompletionResult> {
  return perform({ kind: "readFile", path, limitBytes });
}

function write(files: FileHands, name: string, method: WriteFileOperation["method"], mode: number = 0o644): Promise<CompletionResult> {
  return perform({ kind: "writeFile", path: `${files.directory}/${name}`, data: Uint8Array.of(1, 2, 3), mode, method });
}

Deno.test("readFile() minds its limit where a file does not say its size, and where it says one beyond all memory", async () => {
  using files = realFiles();
  const vast = `${files.directory}/vast`;
  Deno.writeTextFileSync(vast, "");
  Deno.truncateSync(vast, 2 ** 40);
  assertEquals([await read("/proc/self/stat", 10), await read(vast, 1_000)], [-Errno.EFBIG, -Errno.EFBIG]);
  assert(await read("/proc/self/stat", 10_000) instanceof Uint8Array);
});

Deno.test("writeFile() makes files with the mode that it is given, less the umask", async () => {
  using files = realFiles();
  const umask = process.umask();
  for (const method of methods) {
    for (const mode of [0o600, 0o666, 0o777]) {
      assertEquals(await write(files, `${method} ${mode}`, method, mode), 0);
      assertEquals(Deno.statSync(`${files.directory}/${method} ${mode}`).mode! & 0o777, mode & ~umask);
    }
  }
});

Deno.test("writeFile() has what replaces a file put on the disk before it takes the name, and nothing else", async () => {
  using files = realFiles();
  const calls = libc as unknown as Record<"fsyncOnThread", (handle: number) => Promise<number>>;
  const { fsyncOnThread } = calls;
  const listings: string[][] = [];
  calls.fsyncOnThread = (handle) => {
    listings.push(files.list().filter((name) => !name.startsWith(".")));
    return fsyncOnThread(handle);
  };
  try {
    for (const method of methods) assertEquals(await write(files, method, method), 0);
    assertEquals(listings, [["append", "in-place"]]);
    calls.fsyncOnThread = () => Promise.resolve(-1);
    assertEquals(await write(files, "lost", "replace"), -Errno.EIO);
  } finally {
    calls.fsyncOnThread = fsyncOnThread;
  }
  assertEquals(files.list(), ["append", "in-place", "replace"]);
});

Deno.test("readFile() and writeFile() close what they open, however it ends", async () => {
  using files = realFiles();
  const before = openDescriptors();
  for (const method of methods) assertEquals(await write(files, method, method), 0);
  for (const limit of [0, 10]) await read(`${files.directory}/append`, limit);
  files.mkdir("directory");
  assertEquals(await read(`${files.directory}/directory`, 10), -Errno.EISDIR);
  assertEquals(await write(files, "directory", "replace"), -Errno.EISDIR);
  assertEquals(openDescriptors(), before);
});
