/**
 * Inotify sources on real files.
 *
 * @module
 */

import { EventLoop, type InotifyEvent, WatchEvent } from "@sd/fibers";
import { assert, assertEquals } from "@std/assert";
import { closeSync, openSync } from "node:fs";
import { describe } from "../_file_records.ts";
import { type FileHands, realFiles } from "../_files.ts";
import { codeOf } from "../_simulation.ts";

const { ALL_EVENTS, ATTRIB, CREATE, DELETE, DELETE_SELF, MODIFY, MOVED_FROM, MOVED_TO, MOVE_SELF, ONESHOT, ONLYDIR } = WatchEvent;

/** Dispatches all that there is. */
function settle(loop: EventLoop): void {
  while (loop.runSync(0));
}

/** Registers a test with a loop, a directory, and what was heard. */
function linuxTest(name: string, body: (loop: EventLoop, files: FileHands, heard: string[]) => void | Promise<void>): void {
  Deno.test(`${name} (linux)`, async () => {
    using files = realFiles();
    using loop = new EventLoop();
    await body(loop, files, []);
  });
}

linuxTest("EventLoop.addInotify() tells what is made, changed, moved and removed in a directory", (loop, files, heard) => {
  loop.addInotify(files.directory, CREATE | MODIFY | MOVED_FROM | MOVED_TO | DELETE | ONLYDIR, (event) => void heard.push(describe(event)));
  files.write("a");
  files.write("a");
  files.rename("a", "b");
  files.mkdir("sub");
  files.remove("b");
  files.remove("sub");
  settle(loop);
  assertEquals(heard, [
    "1 CREATE a",
    "1 MODIFY a",
    "1 MOVED_FROM a",
    "1 MOVED_TO b",
    "1 CREATE|ISDIR sub",
    "1 DELETE b",
    "1 DELETE|ISDIR sub",
  ]);
});

linuxTest("EventLoop.addInotify() gives both halves of a move the same cookie", (loop, files) => {
  const events: InotifyEvent[] = [];
  files.write("a");
  loop.addInotify(files.directory, MOVED_FROM | MOVED_TO, (event) => void events.push(event));
  files.rename("a", "b");
  settle(loop);
  assertEquals(events.map(({ name }) => name), ["a", "b"]);
  assert(events[0].cookie !== 0 && events[0].cookie === events[1].cookie);
});

linuxTest("An inotify source of a file follows it, and ends with IGNORED", (loop, files, heard) => {
  files.write("file");
  const source = loop.addInotify(`${files.directory}/file`, MODIFY | MOVE_SELF | DELETE_SELF, (event) => void heard.push(describe(event)));
  assertEquals([source.path, source.description], [`${files.directory}/file`, `${files.directory}/file`]);
  settle(loop);
  files.rename("file", "moved");
  files.write("file");
  files.write("moved");
  files.remove("moved");
  settle(loop);
  assertEquals(heard, ["1 MOVE_SELF", "1 MODIFY", "1 DELETE_SELF", "1 IGNORED"]);
});

linuxTest("An inotify source holds a removed file until the next iteration and no longer", (loop, files, heard) => {
  files.mkdir("sub");
  loop.addInotify(`${files.directory}/sub`, ALL_EVENTS, (event) => void heard.push(describe(event)));
  files.remove("sub");
  settle(loop);
  assertEquals(heard, ["1 DELETE_SELF", "1 IGNORED"]);
});

linuxTest("Inotify sources share a watch through links and descriptors, and each gets what it wants", (loop, files, heard) => {
  files.write("file");
  files.symlink("file", "link");
  const add = (name: string, target: string | { fd: number }, mask: number, priority = 0) =>
    loop.addInotify(target, mask, (event) => void heard.push(`${name}: ${describe(event)}`), { priority });
  const fd = openSync(`${files.directory}/file`, "r");
  add("path", `${files.directory}/file`, MODIFY);
  add("link", `${files.directory}/link`, MODIFY | ATTRIB);
  add("fd", { fd }, ATTRIB);
  add("better", `${files.directory}/file`, MODIFY, -1);
  closeSync(fd);
  files.write("file");
  files.touch("file");
  settle(loop);
  assertEquals(heard, ["better: 1 MODIFY", "path: 1 MODIFY", "link: 1 MODIFY", "link: 1 ATTRIB", "fd: 1 ATTRIB"]);
});

linuxTest("An inotify source with ONESHOT is dispatched once, and again when it is turned on", (loop, files, heard) => {
  const source = loop.addInotify(files.directory, CREATE | ONESHOT, (event) => void heard.push(describe(event)));
  for (const name of ["a", "b"]) files.write(name);
  settle(loop);
  source.enabled = "oneshot";
  for (const name of ["c", "d"]) files.write(name);
  settle(loop);
  assertEquals([heard, source.enabled], [["1 CREATE a", "1 CREATE c"], "off"]);
});

linuxTest("InotifySource.priority can be changed until the next iteration", (loop, files, heard) => {
  const hear = (name: string) => (event: InotifyEvent) => void heard.push(`${name}: ${describe(event)}`);
  loop.addInotify(files.directory, CREATE, hear("first"));
  const moved = loop.addInotify(files.directory, CREATE, hear("moved"));
  moved.priority = -1;
  files.write("a");
  settle(loop);
  assertEquals(heard, ["moved: 1 CREATE a", "first: 1 CREATE a"]);
  assertEquals(codeOf(() => moved.priority = -2), "EOPNOTSUPP");
});

linuxTest("EventLoop.addInotify() reports what the kernel refuses", (loop, files) => {
  files.write("file");
  const add = (target: string | { fd: number }, mask: number) => codeOf(() => loop.addInotify(target, mask));
  const file = `${files.directory}/file`;
  assertEquals([add(`${file}s`, CREATE), add(`${file}/x`, CREATE), add(file, CREATE | ONLYDIR)], ["ENOENT", "ENOTDIR", "ENOTDIR"]);
  assertEquals([add(file, 0), add(file, 0x2000_0001), add({ fd: 987_654 }, CREATE)], ["EINVAL", "EINVAL", "EBADF"]);
  assertEquals([add(file, MODIFY), add(file, MODIFY | WatchEvent.MASK_CREATE)], [undefined, "EEXIST"]);
});

linuxTest("A thousand files are all told of, in order", (loop, files) => {
  const names: (string | undefined)[] = [];
  loop.addInotify(files.directory, CREATE, ({ name }) => void names.push(name));
  const all = Array.from({ length: 1_000 }, (_, index) => `${index}`.padStart(index % 250, "0"));
  for (const name of new Set(all)) files.write(name);
  settle(loop);
  assertEquals(names, [...new Set(all)]);
});

linuxTest("A file event ends a sleep of the loop", async (loop, files, heard) => {
  loop.addInotify(files.directory, CREATE, (event) => {
    heard.push(describe(event));
    if (heard.length === 3) loop.exit(3);
  });
  const looping = loop.loop();
  for (const name of ["a", "b", "c"]) {
    await loop.kernel.turn("io");
    files.write(name);
  }
  assertEquals([await looping, heard], [3, ["1 CREATE a", "1 CREATE b", "1 CREATE c"]]);
});
