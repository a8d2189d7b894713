/**
 * How records of file watchers reach inotify sources (sd-event, sections 9.5.3 to 9.5.5, and Q3).
 *
 * @module
 */

import { type InotifySource, type LimitedOptions, WatchEvent } from "@sd/fibers";
import { assertEquals, assertLess, assertMatch } from "@std/assert";
import { coreOf } from "../../event/event_loop.ts";
import { describe } from "../_file_records.ts";
import { codeOf, errorOf } from "../_simulation.ts";
import { loopTest, type Trial } from "./_trial.ts";

const { ALL_EVENTS, CREATE, DELETE, DELETE_SELF, MODIFY } = WatchEvent;

/** What sources are told, each with its name in front. */
class Ears {
  readonly heard: string[] = [];
  readonly #trial: Trial;

  constructor(trial: Trial) {
    this.#trial = trial;
  }

  /** A source that notes what it is told, then does what `then` says. */
  add(
    name: string,
    path: string,
    mask: number,
    options: LimitedOptions = {},
    then: (source: InotifySource) => void = () => {},
  ): InotifySource {
    return this.#trial.loop.addInotify(path, mask, (event, source) => {
      this.heard.push(`${name}: ${describe(event)}`);
      then(source);
    }, options);
  }

  /** What was heard since somebody last asked. */
  take(): string[] {
    return this.heard.splice(0);
  }
}

/** Registers a test with ears. */
function earTest(name: string, body: (trial: Trial, ears: Ears) => void | Promise<void>, options?: Parameters<typeof loopTest>[2]): void {
  loopTest(name, (trial) => body(trial, new Ears(trial)), options);
}

earTest("Each record goes to all who want it, in the order in which they were added, before the next one is looked at", (trial, ears) => {
  ears.add("a", "/", CREATE);
  ears.add("b", "/", CREATE | DELETE);
  ears.add("c", "/", DELETE);
  const { files } = trial.kernel;
  files.write("/x");
  files.write("/y");
  files.remove("/x");
  for (const heard of ["a: 1 CREATE x", "b: 1 CREATE x", "a: 1 CREATE y", "b: 1 CREATE y", "b: 1 DELETE x", "c: 1 DELETE x"]) {
    trial.tick();
    assertEquals(ears.take(), [heard]);
  }
  assertEquals(trial.settle(), 0);
});

earTest("Records that nobody wants are dropped on the way, without a dispatch", (trial, ears) => {
  const surplus = ears.add("a", "/", ALL_EVENTS);
  ears.add("b", "/", DELETE);
  surplus[Symbol.dispose]();
  trial.kernel.files.write("/x");
  trial.kernel.files.remove("/x");
  assertEquals([trial.settle(), ears.take()], [1, ["b: 1 DELETE x"]]);
});

earTest("More records than the buffer has room for are all delivered, the longest too", (trial, ears) => {
  ears.add("a", "/", CREATE);
  const names = Array.from({ length: 30 }, (_, index) => "n".repeat(1 + index * 8.75));
  for (const name of names) trial.kernel.files.write(`/${name}`);
  assertEquals(trial.settle(), 30);
  assertEquals(ears.take(), names.map((name) => `a: 1 CREATE ${name}`));
});

earTest("While a record is out for delivery nothing more is read, and nothing keeps the loop from sleeping", (trial, ears) => {
  const { loop, kernel } = trial;
  const limited = ears.add("a", "/", CREATE, { rateLimit: { interval: 1_000, burst: 1 } });
  ears.add("b", "/", CREATE);
  for (const name of "xyz") kernel.files.write(`/${name}`);
  trial.settle();
  assertEquals([ears.take(), limited.rateLimited, limited.pending], [["a: 1 CREATE x", "b: 1 CREATE x", "b: 1 CREATE y"], true, true]);
  const { iteration } = loop;
  trial.runUntil(() => !limited.rateLimited);
  assertLess(loop.iteration, iteration + 10);
  trial.settle();
  assertEquals([ears.take(), limited.rateLimited], [["a: 1 CREATE y", "b: 1 CREATE z"], true]);
});

earTest("Sources of different priorities have records of their own, and the better one goes first", (trial, ears) => {
  ears.add("late", "/", CREATE, { priority: 10 });
  ears.add("early", "/", CREATE, { priority: -10 });
  for (const name of "xy") trial.kernel.files.write(`/${name}`);
  trial.settle();
  assertEquals(ears.take(), ["early: 1 CREATE x", "early: 1 CREATE y", "late: 1 CREATE x", "late: 1 CREATE y"]);
});

earTest("A record that waits in the buffer overtakes what is less important", (trial, ears) => {
  const { loop, kernel } = trial;
  ears.add("file", "/", CREATE, { priority: -1 });
  for (let count = 0; count < 2; count++) loop.addDefer(() => void ears.heard.push("defer"), { priority: 1 });
  for (const name of "xy") kernel.files.write(`/${name}`);
  trial.settle();
  assertEquals(ears.take(), ["file: 1 CREATE x", "file: 1 CREATE y", "defer", "defer"]);
});

earTest("An inotify source takes turns with others of its priority", (trial, ears) => {
  const { loop, kernel } = trial;
  ears.add("file", "/", CREATE);
  const always = loop.addDefer(() => void ears.heard.push("defer"), { enabled: "on" });
  for (const name of "xyz") kernel.files.write(`/${name}`);
  trial.tick(7);
  assertEquals(ears.take().filter((each) => each !== "defer"), ["file: 1 CREATE x", "file: 1 CREATE y", "file: 1 CREATE z"]);
  always.enabled = "off";
});

earTest("Q_OVERFLOW goes to all sources of the priority that are online, whatever they wait for", (trial, ears) => {
  const { files } = trial.kernel;
  files.maxQueuedRecords = 2;
  files.mkdir("/dir");
  ears.add("a", "/", CREATE);
  ears.add("b", "/dir", DELETE);
  ears.add("off", "/dir", DELETE, { enabled: "off" });
  ears.add("other", "/", CREATE, { priority: 1 });
  trial.loop.prepare();
  for (const name of "xyz") files.write(`/${name}`);
  trial.loop.waitSync(0);
  trial.loop.dispatch();
  trial.settle();
  assertEquals(ears.take().filter((each) => each.includes("OVERFLOW")), [
    "a: -1 Q_OVERFLOW",
    "b: -1 Q_OVERFLOW",
    "other: -1 Q_OVERFLOW",
  ]);
});

earTest("IGNORED goes to all sources of a file that is gone, and nothing comes after it", (trial, ears) => {
  const { files } = trial.kernel;
  files.write("/file");
  const one = ears.add("a", "/file", MODIFY);
  ears.add("b", "/file", DELETE_SELF);
  ears.add("off", "/file", DELETE_SELF, { enabled: "off" });
  trial.settle();
  files.remove("/file");
  trial.settle();
  assertEquals(ears.take(), ["b: 1 DELETE_SELF", "a: 1 IGNORED", "b: 1 IGNORED"]);
  files.write("/file");
  files.write("/file");
  assertEquals([trial.settle(), ears.take(), one.enabled], [0, [], "on"]);
});

earTest("A new file that has the number of one that is gone is a file of its own", (trial, ears) => {
  const { files } = trial.kernel;
  files.write("/old");
  ears.add("old", "/old", MODIFY);
  trial.settle();
  files.remove("/old");
  files.write("/new");
  ears.add("new", "/new", WatchEvent.ATTRIB | WatchEvent.EXCL_UNLINK);
  files.touch("/new");
  files.write("/new");
  trial.settle();
  assertEquals(ears.take(), ["old: 1 IGNORED", "new: 2 ATTRIB"]);
  ears.add("newer", "/new", MODIFY);
  files.write("/new");
  trial.settle();
  assertEquals(ears.take(), ["newer: 2 MODIFY"]);
});

earTest("UNMOUNT goes to all sources of the file system", (trial, ears) => {
  const { files } = trial.kernel;
  files.mkdir("/mnt");
  files.write("/mnt/file");
  ears.add("directory", "/mnt", CREATE);
  ears.add("file", "/mnt/file", MODIFY);
  trial.settle();
  files.unmount("/mnt");
  trial.settle();
  assertEquals(ears.take(), ["file: 2 UNMOUNT", "file: 2 IGNORED", "directory: 1 UNMOUNT|ISDIR", "directory: 1 IGNORED"]);
});

earTest("Records of a source that is gone are dropped", (trial, ears) => {
  trial.kernel.files.mkdir("/dir");
  const gone = ears.add("gone", "/dir", CREATE);
  ears.add("a", "/", CREATE);
  trial.kernel.files.write("/dir/x");
  trial.kernel.files.write("/y");
  gone[Symbol.dispose]();
  assertEquals([trial.settle(), ears.take()], [1, ["a: 2 CREATE y"]]);
});

earTest("What happens while a source is off is lost to it, and what happens later is not", (trial, ears) => {
  const source = ears.add("a", "/", CREATE, { enabled: "off" });
  trial.kernel.files.write("/x");
  trial.settle();
  source.enabled = "on";
  trial.kernel.files.write("/y");
  trial.settle();
  assertEquals(ears.take(), ["a: 1 CREATE y"]);
});

earTest("What happens while a source is off is lost to it in a busy loop too", (trial, ears) => {
  trial.loop.addDefer(() => {}, { enabled: "on" });
  const source = ears.add("a", "/", CREATE, { enabled: "off" });
  for (const name of "xyz") trial.kernel.files.write(`/${name}`);
  trial.tick(2);
  source.enabled = "on";
  trial.kernel.files.write("/w");
  trial.tick(4);
  assertEquals(ears.take(), ["a: 1 CREATE w"]);
});

earTest("A source that is turned off in its callback gets nothing more", (trial, ears) => {
  ears.add("a", "/", CREATE, {}, (source) => source.enabled = "off");
  ears.add("b", "/", CREATE);
  for (const name of "xy") trial.kernel.files.write(`/${name}`);
  trial.settle();
  assertEquals(ears.take(), ["a: 1 CREATE x", "b: 1 CREATE x", "b: 1 CREATE y"]);
});

earTest("A record that one source got is not delivered to it again when the other one is turned off (Q3)", (trial, ears) => {
  ears.add("a", "/", CREATE);
  const other = ears.add("b", "/", CREATE);
  for (const name of "xy") trial.kernel.files.write(`/${name}`);
  trial.tick();
  other.enabled = "off";
  trial.settle();
  assertEquals(ears.take(), ["a: 1 CREATE x", "a: 1 CREATE y"]);
});

earTest("A record that nobody got is looked at again when all who wanted it were turned off", (trial, ears) => {
  const { loop, kernel } = trial;
  const source = ears.add("a", "/", CREATE);
  for (const name of "xy") kernel.files.write(`/${name}`);
  loop.prepare();
  loop.waitSync(0);
  assertEquals(source.pending, true);
  source.enabled = "off";
  source.enabled = "on";
  assertEquals([source.pending, loop.dispatch()], [false, true]);
  trial.settle();
  assertEquals(ears.take(), ["a: 1 CREATE x", "a: 1 CREATE y"]);
});

earTest("A source that disposes itself in its callback leaves the record to the others", (trial, ears) => {
  ears.add("a", "/", CREATE, {}, (source) => source[Symbol.dispose]());
  ears.add("b", "/", CREATE);
  for (const name of "xy") trial.kernel.files.write(`/${name}`);
  trial.settle();
  assertEquals(ears.take(), ["a: 1 CREATE x", "b: 1 CREATE x", "b: 1 CREATE y"]);
});

earTest("A source that is disposed while a record is due to it does not get it, and holds nothing up", (trial, ears) => {
  const others: InotifySource[] = [];
  ears.add("a", "/", CREATE, {}, () => others.pop()?.[Symbol.dispose]());
  others.push(ears.add("b", "/", CREATE));
  for (const name of "xy") trial.kernel.files.write(`/${name}`);
  trial.settle();
  assertEquals(ears.take(), ["a: 1 CREATE x", "a: 1 CREATE y"]);
});

earTest("The last source of a priority may dispose itself in its callback", (trial, ears) => {
  const before = trial.kernel.leaks();
  ears.add("a", "/", CREATE, {}, (source) => source[Symbol.dispose]());
  for (const name of "xy") trial.kernel.files.write(`/${name}`);
  trial.settle();
  assertEquals([ears.take(), trial.kernel.leaks()], [["a: 1 CREATE x"], before]);
});

earTest("What a source opens in its callback, in the place of the watcher that it closed, is left alone", (trial, ears) => {
  const { loop, kernel } = trial;
  let pipe: { reader: number; writer: number } | undefined;
  ears.add("a", "/", CREATE, {}, (source) => {
    source[Symbol.dispose]();
    pipe = trial.pipe();
  });
  trial.settle();
  const [watcher] = kernel.leaks().filter((line) => line.startsWith("file watcher"));
  kernel.files.write("/x");
  trial.settle();
  assertEquals(ears.take(), ["a: 1 CREATE x"]);
  assertMatch(watcher, new RegExp(`, handle (${pipe!.reader}|${pipe!.writer})\\b`), "The number must be the watcher's");
  for (const fd of [pipe!.reader, pipe!.writer]) assertEquals(codeOf(() => loop.addIo(fd, 0)), undefined);
});

earTest("A source that fails is turned off, and the others go on with the next record", (trial, ears) => {
  ears.add("a", "/", CREATE, {}, () => {
    throw new Error("No");
  });
  ears.add("b", "/", CREATE);
  for (const name of "xy") trial.kernel.files.write(`/${name}`);
  trial.settle();
  assertEquals(ears.take(), ["a: 1 CREATE x", "b: 1 CREATE x", "b: 1 CREATE y"]);
  assertEquals(trial.takeMessages(), ["source '/': No"]);
});

earTest("A source that is moved to another priority takes along what is to be delivered to it", (trial, ears) => {
  const { loop, kernel } = trial;
  loop.prepare();
  const moved = ears.add("moved", "/", CREATE);
  ears.add("stays", "/", CREATE);
  ears.add("there", "/", DELETE | CREATE, { priority: 5 });
  for (const name of "xy") kernel.files.write(`/${name}`);
  loop.waitSync(0);
  assertEquals(moved.pending, true);
  moved.priority = 5;
  assertEquals(moved.pending, true);
  loop.dispatch();
  kernel.files.remove("/x");
  kernel.files.write("/z");
  trial.settle();
  const all = ears.take();
  const of = (name: string) => all.filter((each) => each.startsWith(name)).map((each) => each.split(" ").at(-1));
  assertEquals([of("stays"), of("moved"), of("there")], [["x", "y", "z"], ["x", "y", "z"], ["x", "y", "x", "z"]]);
});

earTest("A source that is moved alone to a priority of its own gets what was to be delivered, and no record twice", (trial, ears) => {
  const { loop, kernel } = trial;
  loop.prepare();
  const moved = ears.add("a", "/", CREATE);
  kernel.files.write("/x");
  loop.waitSync(0);
  moved.priority = 7;
  kernel.files.write("/y");
  loop.dispatch();
  trial.settle();
  assertEquals(ears.take(), ["a: 1 CREATE x", "a: 1 CREATE y"]);
});

earTest("A source that is moved takes its record out of the group that it leaves", (trial, ears) => {
  const { loop, kernel } = trial;
  loop.prepare();
  const moved = ears.add("moved", "/", CREATE);
  const stays = ears.add("stays", "/", CREATE, { enabled: "off" });
  kernel.files.write("/x");
  loop.waitSync(0);
  assertEquals(moved.pending, true);
  // What came while it was off is nothing to it.
  stays.enabled = "on";
  moved.priority = 5;
  loop.dispatch();
  trial.settle();
  assertEquals(ears.take(), ["moved: 1 CREATE x"]);
});

earTest("InotifySource.pending is true before the dispatch, also when something else comes first", (trial, ears) => {
  const source = ears.add("a", "/", CREATE);
  for (let count = 0; count < 2; count++) trial.loop.addDefer(() => trial.kernel.files.write("/x"), { priority: -1 });
  trial.tick();
  trial.loop.prepare();
  assertEquals(source.pending, true);
  trial.loop.dispatch();
  trial.settle();
  assertEquals(ears.take(), ["a: 1 CREATE x"]);
});

earTest("InotifySource.pending is false in its own callback, and asking there delivers nothing twice", (trial, ears) => {
  ears.add("a", "/", CREATE, {}, (source) => ears.heard.push(`pending ${source.pending}`));
  for (const name of "xy") trial.kernel.files.write(`/${name}`);
  trial.settle();
  assertEquals(ears.take(), ["a: 1 CREATE x", "pending false", "a: 1 CREATE y", "pending false"]);
});

earTest("A watcher that cannot be read, and records that make no sense, end the wait with EIO", (trial, ears) => {
  const { loop, kernel } = trial;
  const { tryRead } = kernel;
  ears.add("a", "/", CREATE);
  const truncated = (buffer: Uint8Array) => new DataView(buffer.buffer).setUint32(12, 300, true);
  const faults: ((buffer: Uint8Array) => number)[] = [() => -5, () => 0, () => 15, (buffer) => (truncated(buffer), 32)];
  for (const [index, fault] of faults.entries()) {
    kernel.files.write(`/${index}`);
    kernel.tryRead = (_handle, buffer) => fault(buffer);
    const { code, message, syscall } = errorOf(() => loop.runSync(0));
    assertEquals([code, message, syscall], ["EIO", "Cannot read file events in loop 'loop': EIO", "read"]);
    assertEquals(loop.state, "initial");
    kernel.tryRead = tryRead;
    trial.settle();
    assertEquals(ears.take(), [`a: 1 CREATE ${index}`]);
  }
});

earTest("A watcher that is more than readable ends the wait with EIO", (trial, ears) => {
  const { loop, kernel } = trial;
  const { reader, writer } = trial.pipe();
  trial.write(writer, "x");
  trial.close(writer);
  kernel.openFileWatcher = () => kernel.duplicate(reader);
  kernel.addFileWatch = () => 1;
  kernel.removeFileWatch = () => 0;
  ears.add("a", "/", CREATE);
  assertEquals([codeOf(() => loop.runSync(0)), loop.state], ["EIO", "initial"]);
});

earTest("A watcher that cannot be watched again ends the next wait with that error, and is tried anew", (trial, ears) => {
  const { loop, kernel } = trial;
  const { poller } = coreOf(loop);
  const { rewatch } = poller;
  ears.add("a", "/", CREATE);
  kernel.files.write("/x");
  poller.rewatch = () => -28;
  trial.tick();
  poller.rewatch = rewatch;
  assertEquals([codeOf(() => loop.runSync(0)), loop.state], ["ENOSPC", "initial"]);
  kernel.files.write("/y");
  trial.settle();
  assertEquals(ears.take(), ["a: 1 CREATE x", "a: 1 CREATE y"]);
});

earTest("A read that a signal interrupts loses nothing", (trial, ears) => {
  const { loop, kernel } = trial;
  const { tryRead } = kernel;
  ears.add("a", "/", CREATE);
  kernel.files.write("/x");
  kernel.tryRead = () => -4;
  assertEquals(loop.runSync(0), false);
  kernel.tryRead = tryRead;
  trial.settle();
  assertEquals(ears.take(), ["a: 1 CREATE x"]);
});

earTest("Reads that answer EAGAIN lose nothing", (trial, ears) => {
  ears.add("a", "/", CREATE);
  const names = Array.from({ length: 50 }, (_, index) => `${index}`);
  for (const name of names) {
    trial.kernel.files.write(`/${name}`);
    trial.loop.runSync(0);
  }
  trial.runUntil(() => ears.heard.length === 50);
  assertEquals(ears.take(), names.map((name) => `a: 1 CREATE ${name}`));
}, { seed: 5, faults: { EAGAIN: 0.5 } });
