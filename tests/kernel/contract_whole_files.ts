/**
 * The contract, 17: files that are read and written whole.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { Errno } from "../../event/errno.ts";
import { IoEvent } from "../../event/flags.ts";
import {
  COMPLETED,
  type CompletionResult,
  type KernelOperation,
  type Poller,
  type ReadFileOperation,
  type WriteFileOperation,
  type WriteMethod,
} from "../../event/kernel/kernel.ts";
import type { FileHands } from "../_files.ts";
import { contractTest, type KernelHands, type Trial } from "./_trial.ts";

const methods: readonly WriteMethod[] = ["in-place", "append", "replace"];
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** More than is moved at once, of which no two pieces are alike. */
const long = Uint8Array.from({ length: 300_007 }, (_, at) => at ^ (at >> 8) ^ (at >> 16));

/** A directory, and operations in it. */
class Desk {
  readonly trial: Trial;
  readonly files: FileHands;
  #lastToken = 0;

  constructor(trial: Trial) {
    this.trial = trial;
    this.files = trial.hands.openFiles(trial.kernel);
  }

  reading(name: string, limitBytes: number = 1e9): ReadFileOperation {
    return { kind: "readFile", path: `${this.files.directory}/${name}`, limitBytes };
  }

  writing(name: string, method: WriteMethod, data: Uint8Array | string): WriteFileOperation {
    const bytes = typeof data === "string" ? encoder.encode(data) : data;
    return { kind: "writeFile", path: `${this.files.directory}/${name}`, data: bytes, mode: 0o644, method };
  }

  /** Begins an operation: its token. */
  start(operation: KernelOperation): number {
    assertEquals(this.trial.poller.start(operation, ++this.#lastToken), 0);
    return this.#lastToken;
  }

  /** Waits until the operation is reported. */
  async reported(token: number): Promise<void> {
    for (let round = 0; round < 10_000; round++) {
      if (this.trial.reports().some(([reported, events]) => reported === token && events === COMPLETED)) return;
      await this.trial.park();
    }
    throw new Error("It is never completed");
  }

  /** What comes of the operation. */
  async result(token: number): Promise<CompletionResult | undefined> {
    await this.reported(token);
    return this.trial.poller.takeCompletion(token);
  }

  async perform(operation: KernelOperation): Promise<CompletionResult | undefined> {
    return await this.result(this.start(operation));
  }

  /** What is in a file, by the operation, as text. */
  async text(name: string): Promise<string | CompletionResult | undefined> {
    const result = await this.perform(this.reading(name));
    return result instanceof Uint8Array ? decoder.decode(result) : result;
  }

  /** What is in a file, as text. */
  look(name: string): string {
    return decoder.decode(this.files.get(name));
  }

  write(name: string, text: string): void {
    this.files.put(name, encoder.encode(text));
  }
}

/** Registers the tests. */
export function testWholeFiles(hands: KernelHands): void {
  const deskTest = (name: string, body: (desk: Desk) => void | Promise<void>) =>
    contractTest(hands, name, (trial) => body(new Desk(trial)));

  deskTest("Poller.start() reads files, through links and whatever their length", async (desk) => {
    desk.write("empty", "");
    desk.write("short", "hello");
    desk.files.put("long", long);
    desk.files.symlink("short", "link");
    assertEquals([await desk.text("empty"), await desk.text("short"), await desk.text("link")], ["", "hello", "hello"]);
    assertEquals(await desk.perform(desk.reading("long")), long);
  });

  deskTest("Poller.start() reads up to the limit, and reports EFBIG beyond", async (desk) => {
    desk.write("file", "hello");
    desk.write("empty", "");
    assertEquals(await desk.perform(desk.reading("file", 5)), encoder.encode("hello"));
    assertEquals(await desk.perform(desk.reading("file", 4)), -Errno.EFBIG);
    assertEquals(await desk.perform(desk.reading("empty", 0)), new Uint8Array(0));
  });

  deskTest("Poller.start() reports what cannot be read or written when it is completed", async (desk) => {
    desk.write("file", "hello");
    desk.files.mkdir("sub");
    desk.files.symlink("missing", "dead");
    const read = [await desk.text("missing"), await desk.text("dead"), await desk.text("sub"), await desk.text("file/x")];
    assertEquals(read, [-Errno.ENOENT, -Errno.ENOENT, -Errno.EISDIR, -Errno.ENOTDIR]);
    for (const method of methods) {
      assertEquals(await desk.perform(desk.writing("missing/file", method, "x")), -Errno.ENOENT);
      assertEquals(await desk.perform(desk.writing("sub", method, "x")), -Errno.EISDIR);
    }
    assertEquals(desk.files.list(), ["dead", "file", "sub"]);
  });

  deskTest("Poller.start() refuses paths, limits and methods that are none at once", (desk) => {
    const { poller } = desk.trial;
    const wrong: KernelOperation[] = [
      desk.reading("a\0b"),
      desk.reading("file", -1),
      desk.reading("file", NaN),
      desk.writing("a\0b", "in-place", ""),
      desk.writing("a\0b", "replace", ""),
      desk.writing("file", "sideways" as WriteMethod, ""),
    ];
    assertEquals(wrong.map((operation) => poller.start(operation, 1)), wrong.map(() => -Errno.EINVAL));
    assertEquals(desk.trial.reports(), []);
  });

  deskTest("Poller.start() writes files: emptied first, at the end, or as a new one in their place", async (desk) => {
    for (const method of methods) {
      assertEquals(await desk.perform(desk.writing(method, method, "first")), 0);
      assertEquals(await desk.perform(desk.writing(method, method, "2nd")), 0);
    }
    assertEquals(methods.map((method) => desk.look(method)), ["2nd", "first2nd", "2nd"]);
    for (const method of methods) {
      assertEquals(await desk.perform(desk.writing(`long ${method}`, method, long)), 0);
      assertEquals(desk.files.get(`long ${method}`), long);
    }
    assertEquals(desk.files.list(), [...methods, ...methods.map((method) => `long ${method}`)].sort());
  });

  deskTest("Poller.start() empties a file for no data, or leaves it for none at the end", async (desk) => {
    for (const method of methods) {
      desk.write(method, "before");
      assertEquals(await desk.perform(desk.writing(method, method, "")), 0);
    }
    assertEquals(methods.map((method) => desk.look(method)), ["", "before", ""]);
  });

  deskTest("Poller.start() writes through links, but replaces a link itself", async (desk) => {
    desk.write("file", "");
    desk.files.symlink("file", "link");
    desk.files.symlink("new", "ahead");
    assertEquals(await desk.perform(desk.writing("link", "in-place", "one")), 0);
    assertEquals(await desk.perform(desk.writing("link", "append", " two")), 0);
    assertEquals(desk.look("file"), "one two");
    assertEquals(await desk.perform(desk.writing("ahead", "in-place", "made")), 0);
    assertEquals(desk.look("new"), "made");
    assertEquals(await desk.perform(desk.writing("link", "replace", "three")), 0);
    assertEquals([desk.look("file"), desk.look("link")], ["one two", "three"]);
  });

  deskTest("Poller.stop() ends a read: it is reported with ECANCELED", async (desk) => {
    desk.files.put("long", long);
    const token = desk.start(desk.reading("long"));
    desk.trial.poller.stop(token);
    desk.trial.poller.stop(token);
    assertEquals(await desk.result(token), -Errno.ECANCELED);
    desk.trial.poller.stop(token);
    assertEquals(desk.trial.poller.takeCompletion(token), undefined);
  });

  deskTest("Poller.stop() ends a write: a new file leaves nothing, one in place at most the beginning", async (desk) => {
    for (const method of methods) {
      desk.write(method, "before");
      const token = desk.start(desk.writing(method, method, long));
      desk.trial.poller.stop(token);
      assertEquals(await desk.result(token), -Errno.ECANCELED);
    }
    assertEquals(desk.look("replace"), "before");
    assert(desk.files.get("in-place").length < long.length);
    assert(desk.look("append").startsWith("before"));
    assertEquals(desk.files.list(), ["append", "in-place", "replace"]);
  });

  deskTest("Poller.stop() does not change what came already", async (desk) => {
    desk.write("file", "hello");
    const token = desk.start(desk.reading("file"));
    await desk.reported(token);
    desk.trial.poller.stop(token);
    assertEquals(desk.trial.poller.takeCompletion(token), encoder.encode("hello"));
  });

  deskTest("Poller.stop() lets what cannot be stopped go on", async (desk) => {
    const token = desk.start({ kind: "resolve", hostname: "localhost" });
    desk.trial.poller.stop(token);
    assert(Array.isArray(await desk.result(token)));
    desk.trial.poller.stop(99);
  });

  deskTest("Poller.abandon() of a file in work keeps it from being reported, and its token is free", async (desk) => {
    desk.write("file", "hello");
    desk.files.put("long", long);
    const { poller, kernel } = desk.trial;
    assertEquals(poller.start(desk.reading("long"), 1), 0);
    assertEquals(poller.start(desk.reading("file"), 1), -Errno.EEXIST);
    poller.abandon(1);
    assertEquals(await desk.perform(desk.reading("file")), encoder.encode("hello"));
    for (let turns = 0; turns < 20; turns++) await kernel.turn("io");
    assertEquals(desk.trial.reports(), []);
  });

  deskTest("A FIFO is read when somebody writes to it, up to the end of the last writer", async (desk) => {
    const { trial } = desk;
    const path = hands.path();
    hands.makeFifo(trial.kernel, path);
    const token = desk.start({ kind: "readFile", path, limitBytes: 1_000 });
    // Nothing comes of it while nobody writes.
    assertEquals(await desk.text("missing"), -Errno.ENOENT);
    const writer = openFifo(trial, path);
    assertEquals(trial.kernel.tryWrite(writer, encoder.encode("hello ")), 6);
    assertEquals(await desk.text("missing"), -Errno.ENOENT);
    assertEquals(trial.kernel.tryWrite(writer, encoder.encode("world")), 5);
    await settle(trial);
    assertEquals(trial.poller.takeCompletion(token), undefined);
    trial.drop(writer);
    assertEquals(await desk.result(token), encoder.encode("hello world"));
  });

  deskTest("Poller.stop() ends the read of a FIFO that nobody writes to", async (desk) => {
    const path = hands.path();
    hands.makeFifo(desk.trial.kernel, path);
    const token = desk.start({ kind: "readFile", path, limitBytes: 1_000 });
    await settle(desk.trial);
    assertEquals(desk.trial.reports(), []);
    desk.trial.poller.stop(token);
    assertEquals(await desk.result(token), -Errno.ECANCELED);
  });

  const endings: Record<string, (trial: Trial, poller: Poller) => void> = {
    "when its poller is closed": (trial, poller) => trial.dropPoller(poller),
    "when nobody wants to know of it any more": (_trial, poller) => poller.abandon(1),
  };
  for (const [when, end] of Object.entries(endings)) {
    deskTest(`A FIFO that is written to is let go of ${when}`, async ({ trial }) => {
      const path = hands.path();
      hands.makeFifo(trial.kernel, path);
      const reader = openFifo(trial, path, false);
      const other = trial.openPoller();
      assertEquals(other.start({ kind: "writeFile", path, data: long, mode: 0o644, method: "in-place" }, 1), 0);
      assertEquals(trial.poller.watch(reader, IoEvent.IN, false, 2), 0);
      for (let round = 0; trial.reports().length === 0; round++) {
        assert(round < 10_000, "It is never opened");
        await pass(trial);
      }
      end(trial, other);
      const buffer = new Uint8Array(100_000);
      let count = 0;
      for (let result = -1, round = 0; result !== 0; round++) {
        assert(round < 10_000, "It is never closed");
        result = trial.kernel.tryRead(reader, buffer);
        if (result > 0) count += result;
        else await pass(trial);
      }
      assert(count > 0 && count < long.length, `${count}`);
    });
  }

  deskTest("A FIFO that nobody reads is ENXIO to write to, and one that is full is waited for", async (desk) => {
    const { trial } = desk;
    const path = hands.path();
    hands.makeFifo(trial.kernel, path);
    const operation: WriteFileOperation = { kind: "writeFile", path, data: long, mode: 0o644, method: "in-place" };
    assertEquals(await desk.perform(operation), -Errno.ENXIO);
    const reader = openFifo(trial, path);
    const stopped = desk.start(operation);
    await settle(trial);
    trial.poller.stop(stopped);
    assertEquals(await desk.result(stopped), -Errno.ECANCELED);
    const buffer = new Uint8Array(100_000);
    while (trial.kernel.tryRead(reader, buffer) > 0);
    const token = desk.start(operation);
    let count = 0;
    for (let round = 0; count < long.length; round++) {
      assert(round < 100_000, "It does not come");
      const result = trial.kernel.tryRead(reader, buffer);
      if (result < 0) await pass(trial);
      else count += result;
    }
    const rest = trial.poller.takeCompletion(token) ?? await desk.result(token);
    assertEquals([rest, count], [0, long.length]);
  });
}

/** Opens a FIFO for both directions, or to read alone, as who tells of pressure by one does. */
function openFifo(trial: Trial, path: string, writable: boolean = true): number {
  const opened = trial.kernel.openPressure(path, writable);
  assert(typeof opened === "object");
  return trial.own(opened.handle);
}

/** Lets what is under way get to where it waits. */
async function settle(trial: Trial): Promise<void> {
  for (let rounds = 0; rounds < 20; rounds++) await pass(trial);
}

/** Lets a little time pass, and gives the host a turn. */
async function pass(trial: Trial): Promise<void> {
  trial.poller.poll(trial.kernel.features.has("blocking") ? 1_000 : 0);
  await trial.kernel.turn("io");
}
