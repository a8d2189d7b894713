/**
 * The contract, 16: files that are watched.
 *
 * @module
 */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { Errno } from "../../event/errno.ts";
import { IoEvent, WatchEvent } from "../../event/flags.ts";
import type { Handle, Result } from "../../event/kernel/kernel.ts";
import { allRecords, describe, readRecords } from "../_file_records.ts";
import type { FileHands } from "../_files.ts";
import { contractTest, type KernelHands, type Trial } from "./_trial.ts";

const { ALL_EVENTS, CREATE, DONT_FOLLOW, MASK_CREATE, MODIFY, ONESHOT, ONLYDIR } = WatchEvent;

/** A directory with files to watch, and a watcher. */
class Directory {
  readonly trial: Trial;
  readonly files: FileHands;
  readonly watcher: Handle;

  constructor(trial: Trial) {
    this.trial = trial;
    this.files = trial.hands.openFiles(trial.kernel);
    this.watcher = trial.own(trial.kernel.openFileWatcher());
  }

  path(name: string): string {
    return `${this.files.directory}/${name}`;
  }

  /** A handle of what is in the directory. */
  open(name: string, mask: number = 0): Handle {
    return this.trial.own(this.trial.kernel.openPath(this.path(name), mask));
  }

  /** What opening it says; what is opened is closed. */
  tryOpen(name: string, mask: number = 0): Result {
    const file = this.trial.kernel.openPath(this.path(name), mask);
    return file < 0 ? file : this.trial.kernel.close(file);
  }

  /** Watches what is in the directory; "" is itself. */
  watch(name: string, mask: number = ALL_EVENTS): Result {
    const file = this.open(name);
    const watch = this.trial.kernel.addFileWatch(this.watcher, file, mask);
    this.trial.drop(file);
    return watch;
  }

  /** All that waits, as text. */
  records(): string[] {
    return allRecords(this.trial.kernel, this.watcher).map(describe);
  }
}

/** Registers the tests. */
export function testFiles(hands: KernelHands): void {
  const fileTest = (name: string, body: (directory: Directory) => void | Promise<void>) =>
    contractTest(hands, name, (trial) => body(new Directory(trial)));

  fileTest("Kernel.openPath() opens files, directories, and what links lead to unless they are wanted themselves", (directory) => {
    directory.files.write("file");
    directory.files.symlink("file", "link");
    directory.files.symlink("missing", "dead");
    const opens = (...names: string[]) => names.map((name) => directory.tryOpen(name));
    assertEquals(opens("", ".", "file", "link", "../test/file"), [0, 0, 0, 0, 0]);
    assertEquals(opens("missing", "dead", "file/x"), [-Errno.ENOENT, -Errno.ENOENT, -Errno.ENOTDIR]);
    assertEquals(opens("n".repeat(256)), [-Errno.ENAMETOOLONG]);
    assertEquals([directory.tryOpen("dead", DONT_FOLLOW), directory.tryOpen("link", DONT_FOLLOW | ONLYDIR)], [0, -Errno.ENOTDIR]);
    assertEquals([directory.tryOpen("", ONLYDIR), directory.tryOpen("file", ONLYDIR)], [0, -Errno.ENOTDIR]);
    const { kernel } = directory.trial;
    assertEquals([kernel.openPath("", 0), kernel.openPath("/\0", 0)], [-Errno.ENOENT, -Errno.EINVAL]);
  });

  fileTest("Kernel.openPath() gives a handle that neither reads nor writes", (directory) => {
    const { trial } = directory;
    directory.files.write("file");
    const file = directory.open("file");
    assertEquals(trial.read(file), "EBADF");
    assertEquals(trial.kernel.tryWrite(file, new Uint8Array(1)), -Errno.EBADF);
  });

  fileTest("Kernel.inodeOf() says the same of the same file, whatever its name, and of a duplicate", (directory) => {
    const { kernel } = directory.trial;
    directory.files.write("file");
    directory.files.write("other");
    directory.files.symlink("file", "link");
    const file = directory.open("file");
    const inode = kernel.inodeOf(file);
    assertEquals(typeof inode, "string");
    assertEquals(kernel.inodeOf(directory.open("link")), inode);
    assertEquals(kernel.inodeOf(directory.trial.own(kernel.duplicate(file))), inode);
    for (const other of [directory.open("link", DONT_FOLLOW), directory.open("other"), directory.open("")]) {
      assertNotEquals(kernel.inodeOf(other), inode);
    }
    directory.files.rename("file", "renamed");
    assertEquals([kernel.inodeOf(file), kernel.inodeOf(directory.open("renamed"))], [inode, inode]);
  });

  fileTest("Kernel.pathOf() says where the file is now, without links and detours", (directory) => {
    const { kernel } = directory.trial;
    directory.files.mkdir("sub");
    directory.files.write("sub/file");
    directory.files.symlink("sub", "link");
    const file = directory.open("link/../sub//./file");
    assertEquals(kernel.pathOf(file), directory.path("sub/file"));
    assertEquals(kernel.pathOf(directory.open("link", DONT_FOLLOW)), directory.path("link"));
    directory.files.rename("sub", "moved");
    assertEquals(kernel.pathOf(file), directory.path("moved/file"));
    directory.files.remove("moved/file");
    assertEquals(kernel.pathOf(file), `${directory.path("moved/file")} (deleted)`);
  });

  fileTest("A file watcher is readable as long as records wait", async (directory) => {
    const { trial, watcher, files } = directory;
    assertEquals(trial.poller.watch(watcher, IoEvent.IN, false, 1), 0);
    assertEquals(directory.watch("", CREATE), 1);
    assertEquals([trial.reports(), readRecords(trial.kernel, watcher)], [[], "EAGAIN"]);
    files.write("file");
    await trial.waitFor(watcher, IoEvent.IN);
    assertEquals([trial.reports(), trial.reports()], [[[1, IoEvent.IN]], [[1, IoEvent.IN]]]);
    assertEquals(directory.records(), ["1 CREATE file"]);
    assertEquals(trial.reports(), []);
    assertEquals(trial.kernel.tryWrite(watcher, new Uint8Array(16)), -Errno.EBADF);
  });

  fileTest("A file watcher ends a park", async (directory) => {
    const { trial } = directory;
    assertEquals(trial.poller.watch(directory.watcher, IoEvent.IN, false, 1), 0);
    directory.watch("", CREATE);
    await trial.park(() => directory.files.write("file"));
    assertEquals(trial.reports(), [[1, IoEvent.IN]]);
  });

  fileTest("Kernel.addFileWatch() of a directory tells what happens in it", (directory) => {
    const { files } = directory;
    assertEquals(directory.watch(""), 1);
    files.write("file");
    assertEquals(directory.records(), ["1 CREATE file", "1 OPEN file", "1 MODIFY file", "1 CLOSE_WRITE file"]);
    files.read("file");
    assertEquals(directory.records(), ["1 OPEN file", "1 ACCESS file", "1 CLOSE_NOWRITE file"]);
    files.touch("file");
    assertEquals(directory.records(), ["1 ATTRIB file"]);
    files.mkdir("sub");
    files.touch("sub");
    assertEquals(directory.records(), ["1 CREATE|ISDIR sub", "1 ATTRIB|ISDIR sub"]);
    files.remove("sub");
    files.remove("file");
    assertEquals(directory.records(), ["1 DELETE|ISDIR sub", "1 DELETE file"]);
  });

  fileTest("Kernel.addFileWatch() of a file tells what happens to it, through a change of its name", (directory) => {
    const { files } = directory;
    files.write("file");
    assertEquals(directory.watch("file"), 1);
    files.rename("file", "renamed");
    files.write("file");
    files.write("renamed");
    assertEquals(directory.records(), ["1 MOVE_SELF", "1 OPEN", "1 MODIFY", "1 CLOSE_WRITE"]);
    files.remove("renamed");
    assertEquals(directory.records(), ["1 ATTRIB", "1 DELETE_SELF", "1 IGNORED"]);
    assertEquals(directory.trial.kernel.removeFileWatch(directory.watcher, 1), -Errno.EINVAL);
  });

  fileTest("A move has one cookie of its own, in both directories", (directory) => {
    const { trial: { kernel }, watcher, files } = directory;
    files.mkdir("one");
    files.mkdir("other");
    files.write("one/file");
    assertEquals([directory.watch("one"), directory.watch("other")], [1, 2]);
    files.rename("one/file", "other/moved");
    const [from, to, ...rest] = allRecords(kernel, watcher);
    assertEquals([describe(from), describe(to), rest], ["1 MOVED_FROM file", "2 MOVED_TO moved", []]);
    assert(from.cookie !== 0);
    assertEquals(to.cookie, from.cookie);
    files.rename("other/moved", "one/file");
    assertNotEquals(allRecords(kernel, watcher)[0].cookie, from.cookie);
  });

  fileTest("An open handle keeps a removed file, and its watch", (directory) => {
    const { trial, files } = directory;
    files.mkdir("sub");
    const sub = directory.open("sub");
    assertEquals(directory.watch("sub"), 1);
    files.remove("sub");
    assertEquals(directory.records(), []);
    trial.drop(sub);
    assertEquals(directory.records(), ["1 DELETE_SELF", "1 IGNORED"]);
  });

  fileTest("Kernel.addFileWatch() of a watched file changes the mask and answers the same number", (directory) => {
    const { files } = directory;
    files.write("file");
    assertEquals(directory.watch("file", MODIFY), 1);
    assertEquals(directory.watch("file", WatchEvent.ATTRIB), 1);
    files.write("file");
    files.touch("file");
    assertEquals(directory.records(), ["1 ATTRIB"]);
    assertEquals(directory.watch("file", MODIFY | MASK_CREATE), -Errno.EEXIST);
    files.touch("file");
    assertEquals(directory.records(), ["1 ATTRIB"]);
    assertEquals(directory.watch("", MODIFY | MASK_CREATE), 2);
  });

  fileTest("Kernel.addFileWatch() with ONESHOT ends with the first record", (directory) => {
    directory.files.write("file");
    assertEquals(directory.watch("file", ALL_EVENTS | ONESHOT), 1);
    directory.files.write("file");
    assertEquals(directory.records(), ["1 OPEN", "1 IGNORED"]);
  });

  fileTest("Kernel.addFileWatch() refuses a mask without a meaning, and what is no watcher", (directory) => {
    const { trial: { kernel }, watcher } = directory;
    const file = directory.open("");
    for (const mask of [0, 0x1_0000, MODIFY | 0x80_0000]) assertEquals(kernel.addFileWatch(watcher, file, mask), -Errno.EINVAL);
    const [reader] = directory.trial.pipe();
    assertEquals(kernel.addFileWatch(reader, file, MODIFY), -Errno.EINVAL);
    assertEquals(kernel.removeFileWatch(reader, 1), -Errno.EINVAL);
    assertEquals(directory.watch("", MODIFY), 1);
  });

  fileTest("Kernel.removeFileWatch() ends the watch with IGNORED, and its number does not come again soon", (directory) => {
    const { trial: { kernel }, watcher, files } = directory;
    assertEquals([directory.watch(""), kernel.removeFileWatch(watcher, 1)], [1, 0]);
    files.write("file");
    assertEquals(directory.records(), ["1 IGNORED"]);
    assertEquals(kernel.removeFileWatch(watcher, 1), -Errno.EINVAL);
    assertEquals([directory.watch(""), kernel.removeFileWatch(watcher, 2), directory.watch("")], [2, 0, 3]);
  });

  fileTest("Two watchers watch the same file, each in its own way", (directory) => {
    const { trial, watcher, files } = directory;
    const other = trial.own(trial.kernel.openFileWatcher());
    files.write("file");
    assertEquals(directory.watch("", CREATE), 1);
    assertEquals(directory.watch("file", MODIFY), 2);
    assertEquals(trial.kernel.addFileWatch(other, directory.open("file"), WatchEvent.OPEN), 1);
    files.write("file");
    assertEquals(allRecords(trial.kernel, watcher).map(describe), ["2 MODIFY"]);
    assertEquals(allRecords(trial.kernel, other).map(describe), ["1 OPEN"]);
  });

  fileTest("Kernel.tryRead() takes the records that fit, and refuses a buffer for not even one", (directory) => {
    const { trial: { kernel }, watcher, files } = directory;
    directory.watch("", CREATE);
    const longest = "n".repeat(255);
    const exact = "e".repeat(15);
    const longer = "l".repeat(16);
    for (const name of [longest, exact, longer, "s"]) files.write(name);
    const sizes = [271, 16, 0].map((size) => readRecords(kernel, watcher, size));
    assertEquals(sizes, ["EINVAL", "EINVAL", "EINVAL"]);
    const read = (size: number) => (readRecords(kernel, watcher, size) as { name: string }[]).map(({ name }) => name);
    assertEquals([read(272), read(32), read(48 + 31), read(32)], [[longest], [exact], [longer], ["s"]]);
    assertEquals(readRecords(kernel, watcher), "EAGAIN");
  });

  fileTest("A record that says the same as the last that waits is merged with it", (directory) => {
    const { files } = directory;
    files.write("file");
    directory.watch("", MODIFY | WatchEvent.ATTRIB);
    files.write("file");
    files.write("file");
    files.touch("file");
    files.write("file");
    assertEquals(directory.records(), ["1 MODIFY file", "1 ATTRIB file", "1 MODIFY file"]);
  });
}
