/**
 * Inotify sources: adding, changing, disposing (sd-event, sections 9.5.1, 9.5.2 and 18.2).
 *
 * @module
 */

import { EventLoop, type InotifyTarget, WatchEvent } from "@sd/fibers";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { spy } from "@std/testing/mock";
import { coreOf } from "../../event/event_loop.ts";
import { codeOf, errorOf } from "../_simulation.ts";
import { describe } from "../_file_records.ts";
import { loopTest, type Trial } from "./_trial.ts";
import { virtualKernel } from "../_virtual_kernel.ts";

const { ATTRIB, CLOSE_WRITE, CREATE, DELETE, DONT_FOLLOW, EXCL_UNLINK, MASK_CREATE, MODIFY, MOVED_TO, ONESHOT, ONLYDIR } = WatchEvent;
const MASK_ADD = 0x2000_0000;

/** A descriptor of a file, until it is disposed of. */
function openFile({ kernel }: Trial, path: string): { fd: number } & Disposable {
  const fd = kernel.openPath(path, 0);
  return { fd, [Symbol.dispose]: () => void kernel.close(fd) };
}

/** The masks that the kernel is asked to watch for. */
function spyMasks(trial: Trial): () => number[] {
  const calls = spy(trial.kernel, "addFileWatch");
  return () => calls.calls.splice(0).map(({ args }) => args[2]);
}

loopTest("EventLoop.addInotify() tells what happens in a directory", (trial) => {
  const heard: unknown[] = [];
  trial.kernel.files.mkdir("/etc");
  const source = trial.loop.addInotify("/etc", CREATE | CLOSE_WRITE, (event, self) => heard.push(event, self === source));
  assertEquals([source.type, source.enabled, source.pending, source.mask], ["inotify", "on", false, CREATE | CLOSE_WRITE]);
  assertEquals([source.path, source.description, source.loop], ["/etc", "/etc", trial.loop]);
  trial.kernel.files.write("/etc/passwd");
  trial.settle();
  assertEquals(heard, [
    { mask: CREATE, cookie: 0, name: "passwd", wd: 1 },
    true,
    { mask: CLOSE_WRITE, cookie: 0, name: "passwd", wd: 1 },
    true,
  ]);
});

loopTest("EventLoop.addInotify() takes the file of a descriptor, which stays the caller's", (trial) => {
  trial.kernel.files.write("/file");
  using file = openFile(trial, "/file");
  const heard: string[] = [];
  const source = trial.loop.addInotify(file, MODIFY, (event) => void heard.push(describe(event)));
  assertEquals([source.path, source.description], ["/file", undefined]);
  trial.kernel.files.write("/file");
  trial.settle();
  assertEquals(heard, ["1 MODIFY"]);
  source[Symbol.dispose]();
  assertEquals(trial.kernel.pathOf(file.fd), "/file");
});

loopTest("EventLoop.addInotify() takes a URL of a file", (trial) => {
  trial.kernel.files.mkdir("/a b");
  assertEquals(trial.loop.addInotify(new URL("file:///a%20b"), CREATE).path, "/a b");
  for (const url of ["https://example.com/a", "file://host/a", "file:///a%2fb", "file:///%ff"]) {
    assertEquals(codeOf(() => trial.loop.addInotify(new URL(url), CREATE)), "EINVAL", url);
  }
});

loopTest("EventLoop.addInotify() reports EINVAL for what is no target, no callback and no option", ({ loop }) => {
  for (const target of [null, undefined, 7, {}, []]) assertEquals(codeOf(() => loop.addInotify(target as unknown as string, 1)), "EINVAL");
  assertEquals(codeOf(() => loop.addInotify("/", 1, 7 as unknown as null)), "EINVAL");
  assertEquals(codeOf(() => loop.addInotify("/", 1, null, { ownsFd: true } as object)), "EINVAL");
  assertEquals(codeOf(() => loop.addInotify("/", 1, null, { priority: 0.5 })), "EINVAL");
});

loopTest("EventLoop.addInotify() opens the path before it looks at anything else", ({ loop, kernel }) => {
  const add = (path: string, mask: number) => codeOf(() => loop.addInotify(path, mask));
  kernel.files.write("/file");
  assertEquals([add("/missing", MASK_ADD), add("/file", MASK_ADD | ONLYDIR), add("/file/x", 0)], ["ENOENT", "ENOTDIR", "ENOTDIR"]);
  assertEquals(["", "/file\0"].map((path) => add(path, CREATE)), ["ENOENT", "EINVAL"]);
  loop.exit();
  loop.loopSync();
  assertEquals([add("/missing", MASK_ADD), add("/file", MASK_ADD), add("/file", CREATE)], ["ENOENT", "ESTALE", "ESTALE"]);
});

loopTest("EventLoop.addInotify() of a descriptor looks for EBADF, ESTALE and EINVAL in this order, then asks the kernel", (trial) => {
  const { loop } = trial;
  using file = openFile(trial, "/");
  const add = (fd: number, mask: number) => codeOf(() => loop.addInotify({ fd }, mask));
  assertEquals([add(-1, MASK_ADD), add(0.5, MASK_ADD)], ["EBADF", "EBADF"]);
  assertEquals([add(987_654, MASK_ADD), add(987_654, CREATE), add(file.fd, CREATE)], ["EINVAL", "EBADF", undefined]);
  loop.exit();
  loop.loopSync();
  assertEquals([add(-1, MASK_ADD), add(987_654, MASK_ADD), add(file.fd, CREATE)], ["EBADF", "ESTALE", "ESTALE"]);
});

loopTest("EventLoop.addInotify() reports EINVAL for what is no word, and for a word without a meaning", ({ loop }) => {
  for (const mask of [NaN, 0.5, 2 ** 32, -(2 ** 31) - 1, "1" as unknown as number, 0, 0x1_0000, MASK_ADD | CREATE]) {
    assertEquals(codeOf(() => loop.addInotify("/", mask)), "EINVAL", `${mask}`);
  }
});

loopTest("EventLoop.addInotify() that fails leaves nothing behind", ({ loop, kernel }) => {
  const before = kernel.leaks();
  let destroyed = 0;
  const onDestroy = () => void destroyed++;
  assertEquals(codeOf(() => loop.addInotify("/", 0, null, { onDestroy })), "EINVAL");
  assertEquals(codeOf(() => loop.addInotify("/", MASK_ADD, null, { onDestroy })), "EINVAL");
  assertEquals(codeOf(() => loop.addInotify("/", CREATE, null, { onDestroy, enabled: "no" as "on" })), "EINVAL");
  assertEquals([kernel.leaks(), destroyed], [before, 0]);
  loop.addInotify("/", CREATE);
  const shared = kernel.leaks();
  assertEquals(codeOf(() => loop.addInotify("/", CREATE | MASK_CREATE)), "EEXIST");
  assertEquals(kernel.leaks(), shared);
});

loopTest("EventLoop.addInotify() says what the kernel has against it", ({ loop }) => {
  const { code, message } = errorOf(() => loop.addInotify("/", CREATE));
  assertEquals(code, "ENOSPC");
  assertStringIncludes(message, "Cannot watch '/': the user has too many watches");
}, { faults: { ENOSPC: 1 } });

loopTest("The errors of EventLoop.addInotify() name the file, and say what to do", (trial) => {
  const { loop } = trial;
  using file = openFile(trial, "/");
  const message = (target: InotifyTarget, mask: number) => errorOf(() => loop.addInotify(target, mask)).message;
  assertEquals(message("/missing", CREATE), "Cannot watch '/missing': there is no such file");
  assertEquals(message("/", 0), "Cannot watch '/': the mask has no event, or a bit that means nothing");
  const word = `for '${MASK_ADD}': it takes a word of WatchEvent flags`;
  assertEquals(message("/", MASK_ADD), `Cannot watch '/' ${word}`);
  assertEquals(message(file, MASK_ADD), `Cannot watch the file of fd ${file.fd} ${word}`);
  assertEquals(message({ fd: -1 }, CREATE), "Cannot watch the file of fd '-1': not a descriptor");
  assertEquals(message(7 as unknown as string, CREATE), "Cannot watch a file: it takes a path or a URL");
  assertEquals(message(new URL("file://host/a"), CREATE), "Cannot watch a file: only a URL like file:///path names a file");
  assertEquals(message(new URL("file:///%ff"), CREATE), "Cannot watch a file: the URL is not UTF-8, give the path as a string");
  loop.addInotify("/", CREATE);
  const other = "this loop watches it at this priority already, and MASK_CREATE wants no other source";
  assertEquals(message("/", CREATE | MASK_CREATE), `Cannot watch '/': ${other}`);
});

Deno.test("EventLoop.addInotify() reports EOPNOTSUPP on a kernel without inotify", () => {
  const kernel = virtualKernel();
  kernel.openPath = () => -95;
  using loop = new EventLoop({ kernel });
  assertEquals(
    errorOf(() => loop.addInotify("/", CREATE)).message,
    "Cannot watch '/': the loop's kernel cannot, the portable one tells of ATTRIB, CREATE, DELETE, DELETE_SELF and MODIFY alone",
  );
});

loopTest("An inotify source without a callback exits the loop", ({ loop, kernel }) => {
  loop.addInotify("/", CREATE);
  kernel.files.write("/file");
  assertEquals(loop.loopSync(), 0);
});

loopTest("An inotify source with ONESHOT is oneshot, and the kernel does not know", (trial) => {
  const masks = spyMasks(trial);
  const heard: string[] = [];
  const hear = trial.loop.addInotify("/", CREATE | ONESHOT, (event) => void heard.push(describe(event)));
  assertEquals([hear.enabled, hear.mask, masks()], ["oneshot", (CREATE | ONESHOT) >>> 0, [CREATE]]);
  trial.kernel.files.write("/a");
  trial.kernel.files.write("/b");
  trial.settle();
  assertEquals([hear.enabled, heard], ["off", ["1 CREATE a"]]);
  hear.enabled = "on";
  trial.kernel.files.write("/c");
  trial.settle();
  assertEquals(heard, ["1 CREATE a", "1 CREATE c"]);
  assertEquals(trial.loop.addInotify("/", CREATE | ONESHOT, null, { enabled: "on" }).enabled, "on");
});

loopTest("An inotify source with DONT_FOLLOW watches the link, and without it what the link leads to", (trial) => {
  trial.kernel.files.write("/file");
  trial.kernel.files.symlink("/file", "/link");
  const paths = [DONT_FOLLOW, 0].map((flag) => trial.loop.addInotify("/link", ATTRIB | flag));
  assertEquals(paths.map(({ path, description }) => [path, description]), [["/link", "/link"], ["/file", "/link"]]);
});

loopTest("Inotify sources of one file and priority share a watch for all that they want", (trial) => {
  const { loop, kernel } = trial;
  const masks = spyMasks(trial);
  kernel.files.write("/file");
  kernel.files.symlink("/file", "/link");
  loop.addInotify("/file", MODIFY);
  loop.addInotify("/link", ATTRIB, null, { enabled: "off" });
  using file = openFile(trial, "/file");
  loop.addInotify(file, CLOSE_WRITE | DONT_FOLLOW | ONESHOT | ONLYDIR);
  loop.addInotify("/file", MODIFY, null, { priority: 1 });
  assertEquals(masks(), [MODIFY, MODIFY | ATTRIB, MODIFY | ATTRIB | CLOSE_WRITE, MODIFY]);
});

loopTest("Inotify sources of one file leave out removed files only if each of them wants that", (trial) => {
  const masks = spyMasks(trial);
  const first = trial.loop.addInotify("/", CREATE | EXCL_UNLINK);
  trial.loop.addInotify("/", DELETE | EXCL_UNLINK);
  trial.loop.addInotify("/", MODIFY);
  first[Symbol.dispose]();
  trial.loop.addInotify("/", ATTRIB | EXCL_UNLINK);
  const all = [CREATE | EXCL_UNLINK, CREATE | DELETE | EXCL_UNLINK, CREATE | DELETE | MODIFY, DELETE | MODIFY | ATTRIB];
  assertEquals(masks(), all);
});

loopTest("An inotify source that goes leaves the watch to the others, and the last one ends it", ({ loop, kernel }) => {
  const ended = spy(kernel, "removeFileWatch");
  const before = kernel.leaks();
  const [first, second, third] = [CREATE, DELETE, MODIFY].map((mask) => loop.addInotify("/", mask));
  loop.prepare();
  assertEquals(kernel.leaks().filter((leak) => leak.startsWith("file watcher")).length, 1);
  const { fed } = coreOf(loop);
  assert(fed.total > 0);
  first[Symbol.dispose]();
  third.enabled = "off";
  third[Symbol.dispose]();
  assertEquals(ended.calls.length, 0);
  second[Symbol.dispose]();
  assertEquals([ended.calls.length, kernel.leaks(), fed.total], [1, before, 0]);
});

loopTest("An inotify source keeps its file open until the next iteration, so that it keeps nothing from being unmounted", (trial) => {
  const { loop, kernel } = trial;
  kernel.files.mkdir("/mnt");
  loop.addInotify("/mnt", CREATE);
  {
    using file = openFile(trial, "/mnt");
    loop.addInotify(file, DELETE);
  }
  assertEquals(codeOf(() => kernel.files.unmount("/mnt")), "EBUSY");
  loop.prepare();
  kernel.files.unmount("/mnt");
});

loopTest("An inotify source keeps its file open no longer where more important sources keep the loop busy", (trial) => {
  const { loop, kernel } = trial;
  for (let i = 0; i < 10; i++) loop.addDefer(() => {}, { enabled: "on", priority: -1 });
  // By the rule of batches one poll in ten iterations is made for this, and the next one is not.
  loop.addTime("monotonic", Infinity);
  trial.tick(4);
  kernel.files.mkdir("/mnt");
  const source = loop.addInotify("/mnt", CREATE);
  trial.tick();
  kernel.files.unmount("/mnt");
  assertEquals(codeOf(() => source.priority = 1), "EOPNOTSUPP");
  const closed = spy(kernel, "close");
  trial.tick(3);
  assertEquals(closed.calls.length, 0);
});

loopTest("A new file that has the number of one that is gone is watched for what its own source wants", (trial) => {
  const { loop, kernel } = trial;
  kernel.files.write("/old");
  loop.addInotify("/old", MODIFY);
  trial.settle();
  kernel.files.remove("/old");
  kernel.files.write("/new");
  const masks = spyMasks(trial);
  loop.addInotify("/new", ATTRIB | EXCL_UNLINK | MASK_CREATE);
  assertEquals(masks(), [(MODIFY | ATTRIB | MASK_CREATE) >>> 0, ATTRIB | EXCL_UNLINK]);
});

loopTest("An inotify source that is disposed in the iteration that added it gives its file back", ({ loop, kernel }) => {
  const before = kernel.leaks();
  loop.addInotify("/", CREATE)[Symbol.dispose]();
  assertEquals(kernel.leaks(), before);
  loop.addInotify("/", CREATE);
});

loopTest("InotifySource.priority moves it to other sources' watch until the next iteration, then it is EOPNOTSUPP", (trial) => {
  const { loop, kernel } = trial;
  const heard: string[] = [];
  const hear = (name: string) => ({ wd }: { wd: number }) => void heard.push(`${name} ${wd}`);
  kernel.files.mkdir("/dir");
  loop.addInotify("/", CREATE, hear("a"), { priority: 5 });
  loop.addInotify("/dir", CREATE, hear("b"));
  const moved = loop.addInotify("/", CREATE, hear("c"));
  moved.priority = -5;
  moved.priority = 5;
  assertEquals(kernel.leaks().filter((leak) => leak.startsWith("file watcher")).length, 2);
  kernel.files.write("/file");
  trial.settle();
  assertEquals(heard, ["a 1", "c 1"]);
  moved.priority = 5;
  const error = errorOf(() => moved.priority = 6);
  const text = "Cannot set the priority of inotify source '/' to 6: its file is not open any more, add it with that priority";
  assertEquals([error.code, error.message, moved.priority], ["EOPNOTSUPP", text, 5]);
});

loopTest("InotifySource.priority can be set in a prepare callback of the next iteration, at the latest", ({ loop }) => {
  const source = loop.addInotify("/", CREATE, null, { prepare: (self) => void (self.priority = 7) });
  loop.prepare();
  assertEquals(source.priority, 7);
});

loopTest("InotifySource.priority stays what it was where the kernel refuses, and so does the watch", (trial) => {
  const { loop, kernel } = trial;
  const heard: string[] = [];
  const source = loop.addInotify("/", CREATE, (event) => void heard.push(describe(event)));
  loop.addInotify("/", MOVED_TO | MASK_CREATE, null, { priority: 1 });
  assertEquals(codeOf(() => source.priority = 1), "EEXIST");
  const before = kernel.leaks();
  kernel.openFileWatcher = () => -24;
  assertEquals(codeOf(() => source.priority = 2), "EMFILE");
  assertEquals([kernel.leaks(), source.priority], [before, 0]);
  kernel.files.write("/file");
  trial.settle();
  assertEquals(heard, ["1 CREATE file"]);
});

loopTest("An inotify source that is disposed has no path, and keeps its mask", ({ loop }) => {
  const source = loop.addInotify("/", CREATE);
  source[Symbol.dispose]();
  const { code, message } = errorOf(() => source.path);
  assertEquals([code, message], ["ESTALE", "Cannot tell the path of inotify source '/': it is disposed"]);
  assertEquals([source.mask, source.pending, source.loop], [CREATE, false, undefined]);
  assertEquals(codeOf(() => source.priority = 1), "ESTALE");
});

loopTest("InotifySource.path is where the file was when it was added; ENOSYS where the kernel could not tell", ({ loop, kernel }) => {
  kernel.files.mkdir("/dir");
  const source = loop.addInotify("dir/../dir/.", CREATE);
  kernel.files.rename("/dir", "/moved");
  assertEquals([source.path, source.description], ["/dir", "dir/../dir/."]);
  kernel.pathOf = () => -38;
  const untold = loop.addInotify("/moved", CREATE);
  const { code, message } = errorOf(() => untold.path);
  const text = "Cannot tell the path of inotify source '/moved': the system tells it by /proc, which is not there";
  assertEquals([code, message], ["ENOSYS", text]);
});

loopTest("An inotify source keeps an idle loop going as long as it is enabled", (trial) => {
  const source = trial.loop.addInotify("/", CREATE, () => {});
  trial.loop.exitOnIdle = true;
  trial.kernel.files.write("/file");
  assertEquals(trial.settle(), 1);
  source.enabled = "off";
  assertEquals(trial.loop.loopSync(), 0);
});

loopTest("EventLoop.addInotify() wakes a loop that sleeps, and so does a file event", async (trial) => {
  const { loop, kernel } = trial;
  const heard: string[] = [];
  const sleeping = loop.run();
  await kernel.turn("tasks");
  loop.addInotify("/", CREATE, (event) => void heard.push(describe(event)));
  assertEquals(await sleeping, false);
  kernel.after(1_000, () => kernel.files.write("/file"));
  assertEquals([await loop.run(), heard], [true, ["1 CREATE file"]]);
});

loopTest("Disposing a loop closes what its inotify sources have open", ({ loop, kernel }) => {
  loop.addInotify("/", CREATE);
  loop.addInotify("/", CREATE, null, { priority: 3 });
  kernel.files.write("/file");
  loop.runSync(0);
  loop.addInotify("/", DELETE);
  loop[Symbol.dispose]();
  assertEquals(kernel.leaks(), []);
});
