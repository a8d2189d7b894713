/**
 * The virtual file tree and what watches it, beyond what every kernel does.
 *
 * @module
 */

import { assertEquals, assertGreater, assertThrows } from "@std/assert";
import { Errno, SystemError } from "../../../event/errno.ts";
import { WatchEvent } from "../../../event/flags.ts";
import type { InotifyEvent } from "../../../event/inotify_event.ts";
import { type SimulatedKernel, simulatedKernel } from "../../../event/kernel/simulated/mod.ts";
import { allRecords, describe, readRecords } from "../../_file_records.ts";
import { opened } from "./_world.ts";

const { ALL_EVENTS, CREATE, MODIFY } = WatchEvent;

/** A kernel with a watcher that watches the root for what is made in it. */
function watchedRoot(options: { room?: number } = {}): { kernel: SimulatedKernel; watcher: number } {
  const kernel = simulatedKernel();
  kernel.files.maxQueuedRecords = options.room ?? 100;
  const watcher = opened(kernel.openFileWatcher());
  watch(kernel, watcher, "/", CREATE);
  return { kernel, watcher };
}

function watch(kernel: SimulatedKernel, watcher: number, path: string, mask: number): number {
  const file = opened(kernel.openPath(path, 0));
  const result = kernel.addFileWatch(watcher, file, mask);
  kernel.close(file);
  return result;
}

function texts(kernel: SimulatedKernel, watcher: number): string[] {
  return allRecords(kernel, watcher).map(describe);
}

Deno.test("A file watcher that has no room loses what comes, and says so once", () => {
  const { kernel, watcher } = watchedRoot({ room: 3 });
  for (const name of "abcde") kernel.files.write(name);
  assertEquals(texts(kernel, watcher), ["1 CREATE a", "1 CREATE b", "1 CREATE c", "-1 Q_OVERFLOW"]);
  for (const name of "fghi") kernel.files.write(name);
  assertEquals((readRecords(kernel, watcher, 32) as unknown[]).length, 1);
  kernel.files.write("j");
  assertEquals(texts(kernel, watcher), ["1 CREATE g", "1 CREATE h", "-1 Q_OVERFLOW"]);
});

Deno.test("A file watcher that has no room loses the last record of a watch too", () => {
  const { kernel, watcher } = watchedRoot({ room: 3 });
  for (const name of "abc") kernel.files.write(name);
  assertEquals(kernel.removeFileWatch(watcher, 1), 0);
  assertEquals(texts(kernel, watcher), ["1 CREATE a", "1 CREATE b", "1 CREATE c", "-1 Q_OVERFLOW"]);
  assertEquals(watch(kernel, watcher, "/", CREATE), 2);
});

Deno.test("SimulatedFiles.maxQueuedRecords counts for the watchers that are opened afterwards", () => {
  const { kernel, watcher } = watchedRoot({ room: 3 });
  kernel.files.maxQueuedRecords = 100;
  const later = opened(kernel.openFileWatcher());
  watch(kernel, later, "/", CREATE);
  for (const name of "abcde") kernel.files.write(name);
  assertEquals([texts(kernel, watcher).length, texts(kernel, later).length], [4, 5]);
});

Deno.test("SimulatedFiles.unmount() takes all that is in a directory away, once no handle is in it", () => {
  const { kernel, watcher } = watchedRoot();
  const { files } = kernel;
  files.mkdir("/mnt");
  files.mkdir("/mnt/sub");
  files.write("/mnt/sub/file");
  texts(kernel, watcher);
  const file = opened(kernel.openPath("/mnt/sub/file", 0));
  assertEquals([watch(kernel, watcher, "/mnt/sub/file", MODIFY), watch(kernel, watcher, "/mnt", MODIFY)], [2, 3]);
  assertEquals(assertThrows(() => files.unmount("/mnt"), SystemError).code, "EBUSY");
  kernel.close(file);
  files.unmount("/mnt");
  assertEquals(texts(kernel, watcher), ["2 UNMOUNT", "2 IGNORED", "3 UNMOUNT|ISDIR", "3 IGNORED"]);
  assertEquals(kernel.openPath("/mnt/sub", 0), -Errno.ENOENT);
  files.write("/mnt/file");
  assertEquals(texts(kernel, watcher), []);
});

Deno.test("The number of a removed file goes to the next one that is made, and its watch does not", () => {
  const { kernel, watcher } = watchedRoot();
  const inodeOf = (path: string) => {
    const file = opened(kernel.openPath(path, 0));
    const inode = kernel.inodeOf(file);
    kernel.close(file);
    return inode;
  };
  kernel.files.write("old");
  watch(kernel, watcher, "old", ALL_EVENTS);
  const inode = inodeOf("old");
  kernel.files.remove("old");
  allRecords(kernel, watcher);
  kernel.files.write("new");
  assertEquals(inodeOf("new"), inode);
  assertEquals(texts(kernel, watcher), ["1 CREATE new"]);
  assertEquals(watch(kernel, watcher, "new", ALL_EVENTS), 3);
});

Deno.test("The hands of the file tree throw what the system would refuse", () => {
  const { files } = simulatedKernel();
  files.mkdir("dir");
  files.mkdir("dir/sub");
  files.write("file");
  files.symlink("loop", "loop");
  const refused: [code: string, change: () => void][] = [
    ["EEXIST", () => files.mkdir("dir")],
    ["EEXIST", () => files.symlink("dir", "file")],
    ["ENOENT", () => files.mkdir("missing/sub")],
    ["ENOTDIR", () => files.write("file/sub")],
    ["ENOTDIR", () => files.read("file/")],
    ["EISDIR", () => files.write("dir")],
    ["ENOENT", () => files.read("missing")],
    ["ENOENT", () => files.touch("")],
    ["ELOOP", () => files.touch("loop")],
    ["ENAMETOOLONG", () => files.write("n".repeat(256))],
    ["ENOENT", () => files.remove("missing")],
    ["ENOTEMPTY", () => files.remove("dir")],
    ["EBUSY", () => files.remove("/")],
    ["EBUSY", () => files.rename("/", "root")],
    ["ENOENT", () => files.rename("missing", "file")],
    ["EINVAL", () => files.rename("dir", "dir/sub/dir")],
    ["ENOTEMPTY", () => files.rename("dir/sub", "dir")],
    ["ENOTDIR", () => files.rename("dir", "file")],
    ["EISDIR", () => files.rename("file", "dir/sub")],
    ["ENOENT", () => files.unmount("missing")],
    ["EINVAL", () => files.unmount("file")],
  ];
  for (const [code, change] of refused) {
    const error = assertThrows(change, SystemError);
    assertEquals([error.code, error.message.endsWith(`: ${code}`)], [code, true], `${change}`);
  }
});

Deno.test("SimulatedKernel.leaks() names file watchers, and the files that handles keep", () => {
  const kernel = simulatedKernel();
  kernel.files.write("file");
  const file = opened(kernel.openPath("file", 0));
  opened(kernel.openFileWatcher());
  kernel.files.remove("file");
  assertEquals(kernel.leaks(), ["path /file (deleted), handle 3", "file watcher, handle 4"]);
  assertEquals(kernel.inodeOf(4), -Errno.EOPNOTSUPP);
  kernel.close(file);
  kernel.close(4);
  assertEquals(kernel.leaks(), []);
});

Deno.test("A closed file watcher watches nothing any more", () => {
  const { kernel, watcher } = watchedRoot();
  kernel.close(watcher);
  kernel.files.write("file");
  assertEquals(kernel.leaks(), []);
});

Deno.test("ENOSPC strikes new watches of files", () => {
  const kernel = simulatedKernel({ faults: { ENOSPC: 0.5 } });
  const watcher = opened(kernel.openFileWatcher());
  for (let count = 0; count < 20; count++) kernel.files.write(`${count}`);
  const answers = Array.from({ length: 20 }, (_, count) => watch(kernel, watcher, `${count}`, CREATE));
  const numbers = answers.filter((answer) => answer > 0);
  assertEquals(new Set(answers), new Set([-Errno.ENOSPC, ...numbers.keys().map((index) => index + 1)]));
  for (const [count, answer] of answers.entries()) if (answer > 0) assertEquals(watch(kernel, watcher, `${count}`, MODIFY), answer);
});

Deno.test("EAGAIN strikes reads of records that wait, which are not lost", () => {
  const kernel = simulatedKernel({ faults: { EAGAIN: 0.5 } });
  const watcher = opened(kernel.openFileWatcher());
  watch(kernel, watcher, "/", CREATE);
  let strikes = 0;
  for (let count = 0; count < 20; count++) {
    kernel.files.write(`${count}`);
    let records;
    while ((records = readRecords(kernel, watcher)) === "EAGAIN") strikes++;
    assertEquals((records as InotifyEvent[]).map(describe), [`1 CREATE ${count}`]);
  }
  assertGreater(strikes, 5);
});
