/**
 * What the host tells of files, on the real tree.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import * as fs from "node:fs";
import { Errno } from "../../../event/errno.ts";
import { IoEvent, WatchEvent } from "../../../event/flags.ts";
import type { Handle, Kernel, Poller } from "../../../event/kernel/kernel.ts";
import { portableKernel } from "../../../event/kernel/portable/mod.ts";
import { allRecords, describe } from "../../_file_records.ts";

const { ACCESS, ATTRIB, CLOSE_WRITE, CREATE, DELETE, DELETE_SELF, MODIFY, MOVED_TO, ONESHOT } = WatchEvent;
const entries = CREATE | DELETE | MODIFY | ATTRIB | DELETE_SELF;

/** A directory of its own, a watcher, and a poller that waits for it. */
class Place {
  readonly kernel: Kernel = portableKernel();
  readonly directory: string = fs.realpathSync(fs.mkdtempSync("/tmp/sd-fibers-"));
  readonly watcher: Handle = this.kernel.openFileWatcher();
  readonly #poller: Poller = this.kernel.openPoller() as Poller;

  constructor() {
    this.#poller.watch(this.watcher, IoEvent.IN, false, 1);
  }

  at(name: string): string {
    return `${this.directory}/${name}`;
  }

  /** Watches what has this name; "" is the directory itself. */
  watch(name: string, mask: number = entries): number {
    const file = this.kernel.openPath(this.at(name), 0);
    assert(file >= 0);
    const watch = this.kernel.addFileWatch(this.watcher, file, mask);
    this.kernel.close(file);
    return watch;
  }

  /** All that is told until the record that is expected last. */
  async recordsUntil(last: string): Promise<string[]> {
    const records: string[] = [];
    for (let turns = 0; !records.includes(last); turns++) {
      assert(turns < 2_000, `'${last}' never comes after '${records}'`);
      await this.kernel.turn("io");
      if (this.#poller.poll(0) > 0) records.push(...allRecords(this.kernel, this.watcher).map(describe));
    }
    return [...new Set(records)];
  }

  async end(): Promise<void> {
    this.#poller.close();
    this.kernel.close(this.watcher);
    fs.rmSync(this.directory, { recursive: true, force: true });
    for (let turns = 0; turns < 5; turns++) await this.kernel.turn("io");
  }
}

function placeTest(name: string, body: (place: Place) => Promise<void>): void {
  Deno.test(name, async () => {
    const place = new Place();
    try {
      await body(place);
    } finally {
      await place.end();
    }
  });
}

placeTest("A watched directory tells what comes, changes and goes", async (place) => {
  fs.writeFileSync(place.at("old"), "");
  assertEquals(place.watch(""), 1);
  fs.writeFileSync(place.at("new"), "text");
  assertEquals((await place.recordsUntil("1 CREATE new"))[0], "1 CREATE new");
  fs.writeFileSync(place.at("old"), "longer");
  await place.recordsUntil("1 MODIFY old");
  fs.chmodSync(place.at("old"), 0o600);
  await place.recordsUntil("1 ATTRIB old");
  fs.mkdirSync(place.at("sub"));
  await place.recordsUntil("1 CREATE|ISDIR sub");
  fs.rmSync(place.at("old"));
  await place.recordsUntil("1 DELETE old");
  fs.rmdirSync(place.at("sub"));
  await place.recordsUntil("1 DELETE|ISDIR sub");
});

placeTest("A move is told as one name that goes and one that comes, also onto another file", async (place) => {
  fs.writeFileSync(place.at("one"), "1");
  fs.writeFileSync(place.at("other"), "2");
  assertEquals(place.watch("", CREATE | DELETE), 1);
  fs.renameSync(place.at("one"), place.at("two"));
  assertEquals((await place.recordsUntil("1 CREATE two")).toSorted(), ["1 CREATE two", "1 DELETE one"]);
  fs.renameSync(place.at("two"), place.at("other"));
  assertEquals((await place.recordsUntil("1 CREATE other")).toSorted(), ["1 CREATE other", "1 DELETE two"]);
});

placeTest("A watched file tells of its changes and its end", async (place) => {
  fs.writeFileSync(place.at("file"), "");
  assertEquals(place.watch("file", MODIFY | DELETE_SELF), 1);
  fs.appendFileSync(place.at("file"), "more");
  await place.recordsUntil("1 MODIFY");
  fs.rmSync(place.at("file"));
  assertEquals((await place.recordsUntil("1 IGNORED")).slice(-2), ["1 DELETE_SELF", "1 IGNORED"]);
  assertEquals(place.kernel.removeFileWatch(place.watcher, 1), -Errno.EINVAL);
});

placeTest("A watched directory that is moved away counts as deleted", async (place) => {
  fs.mkdirSync(place.at("sub"));
  place.watch("sub");
  fs.renameSync(place.at("sub"), place.at("elsewhere"));
  assertEquals((await place.recordsUntil("1 IGNORED")).slice(-2), ["1 DELETE_SELF", "1 IGNORED"]);
});

placeTest("A watch can be changed, ended after one record, and removed", async (place) => {
  fs.mkdirSync(place.at("sub"));
  assertEquals([place.watch("", DELETE), place.watch("", CREATE | ONESHOT), place.watch("sub")], [1, 1, 2]);
  fs.writeFileSync(place.at("file"), "");
  assertEquals(await place.recordsUntil("1 IGNORED"), ["1 CREATE file", "1 IGNORED"]);
  assertEquals(place.kernel.removeFileWatch(place.watcher, 2), 0);
  assertEquals(allRecords(place.kernel, place.watcher).map(describe), ["2 IGNORED"]);
  assertEquals(place.watch(""), 3);
});

placeTest("What the host does not tell of files is EOPNOTSUPP", (place) => {
  for (const mask of [ACCESS, CLOSE_WRITE, CREATE | MOVED_TO, WatchEvent.ALL_EVENTS]) {
    assertEquals(place.watch("", mask), -Errno.EOPNOTSUPP);
  }
  fs.symlinkSync("nowhere", place.at("link"));
  const link = place.kernel.openPath(place.at("link"), WatchEvent.DONT_FOLLOW);
  assertEquals(place.kernel.addFileWatch(place.watcher, link, CREATE), -Errno.EOPNOTSUPP);
  place.kernel.close(link);
  return Promise.resolve();
});
