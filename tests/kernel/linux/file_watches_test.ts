import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { statSync } from "node:fs";
import { WatchEvent } from "../../../event/flags.ts";
import type { Handle } from "../../../event/kernel/kernel.ts";
import { linuxKernel } from "../../../event/kernel/linux/mod.ts";
import { realFiles } from "../../_files.ts";
import { allRecords, describe } from "../../_file_records.ts";
import { isBlocking, isCloseOnExec } from "./descriptors.ts";

const kernel = linuxKernel();

Deno.test("Kernel.openFileWatcher() and openPath() make handles that are closed by exec", () => {
  const watcher = kernel.openFileWatcher();
  const file = kernel.openPath("/", 0);
  assert(isCloseOnExec(watcher) && isCloseOnExec(file) && !isBlocking(watcher));
  for (const handle of [watcher, file]) assertEquals(kernel.close(handle), 0);
});

Deno.test("Kernel.addFileWatch() watches a symbolic link itself, and what is open but has no name any more", () => {
  using files = realFiles();
  const watcher = kernel.openFileWatcher();
  files.symlink("missing", "link");
  files.write("file");
  const link = kernel.openPath(`${files.directory}/link`, WatchEvent.DONT_FOLLOW);
  const file = kernel.openPath(`${files.directory}/file`, 0);
  files.remove("file");
  assertEquals(kernel.addFileWatch(watcher, link, WatchEvent.ALL_EVENTS), 1);
  assertEquals(kernel.addFileWatch(watcher, file, WatchEvent.ALL_EVENTS), 2);
  files.rename("link", "renamed");
  kernel.close(file);
  assertEquals(allRecords(kernel, watcher).map(describe), ["1 MOVE_SELF", "2 DELETE_SELF", "2 IGNORED"]);
  for (const handle of [watcher, link]) kernel.close(handle);
});

Deno.test("Kernel.inodeOf() and pathOf() tell of handles of every kind", () => {
  const [reader, writer] = kernel.openPipe() as [Handle, Handle];
  const root = kernel.openPath("/", 0);
  assertEquals([kernel.inodeOf(reader), kernel.pathOf(reader)], [kernel.inodeOf(writer), kernel.pathOf(writer)]);
  assertNotEquals(kernel.inodeOf(reader), kernel.inodeOf(root));
  assertEquals(kernel.pathOf(root), "/");
  for (const handle of [reader, writer, root]) kernel.close(handle);
});

Deno.test("Kernel.inodeOf() names the device and the file's number on it", () => {
  for (const path of ["/", "/proc", "/dev/null"]) {
    const handle = kernel.openPath(path, 0);
    const { dev, ino } = statSync(path);
    const [major, minor] = [dev >> 8 & 0xfff, dev & 0xff | dev >> 12 & 0xf_ff00];
    assertEquals(kernel.inodeOf(handle), `${major}:${minor}:${ino}`);
    kernel.close(handle);
  }
});

Deno.test("Kernel.pathOf() and openPath() take names that are not ASCII", () => {
  using files = realFiles();
  files.mkdir("größe \u{1f600}");
  const file = kernel.openPath(`${files.directory}/größe \u{1f600}`, WatchEvent.ONLYDIR);
  assertEquals(kernel.pathOf(file), `${files.directory}/größe \u{1f600}`);
  kernel.close(file);
});
