/**
 * The inotify sources of one priority (sd-event, sections 9.5.2 to 9.5.5).
 *
 * They share a file watcher, and a watch for each file. Of its records one at a time is out for delivery, to all who want it; the next
 * one is looked at when nobody has it left to deliver. Meanwhile the watcher itself is not watched, or a poll could not sleep over what
 * waits in it.
 *
 * @module
 */

import { Errno, errorCode, systemError } from "./errno.ts";
import { IoEvent, WatchEvent } from "./flags.ts";
import { decodeRecord, type InotifyEvent, LONGEST_RECORD_BYTES, recordBytes } from "./inotify_event.ts";
import type { Handle } from "./kernel/kernel.ts";
import type { LoopCore } from "./loop_core.ts";
import { SourceKind } from "./source_kind.ts";
import { setPending } from "./source_lifecycle.ts";
import { ONESHOT, PlainNode, type SourceNode } from "./source_node.ts";
import { Watch } from "./watch_table.ts";

/** An inotify source's handle, as far as its group is concerned. */
export interface InotifyMember {
  /** What it was added with, a WatchEvent word. */
  readonly mask: number;
  /** What is to be delivered to it. */
  event: InotifyEvent | undefined;
}

/** These say how a source watches, and are not passed on as they are. */
const HOW = WatchEvent.ONESHOT | WatchEvent.DONT_FOLLOW | WatchEvent.ONLYDIR | WatchEvent.EXCL_UNLINK;

/** Everybody who watches the file gets these. */
const UNASKED = WatchEvent.IGNORED | WatchEvent.UNMOUNT;

/** A file, and who watches it. */
class WatchedFile {
  readonly identity: string;
  /** The number of its watch; −1: the kernel has ended it, and nothing will come any more. */
  watch: number;
  readonly members: Set<SourceNode> = new Set();

  constructor(identity: string, watch: number) {
    this.identity = identity;
    this.watch = watch;
  }
}

const kind = new SourceKind({
  name: "inotify group",
  invoke() {},
  ready: (node, events) => (node.owner as InotifyGroup).read(events),
});

/** See the head of this module. */
export class InotifyGroup {
  readonly #core: LoopCore;
  /** Stands for the file watcher in the table of watches, which takes it off with each report. */
  readonly #watch: Watch;
  #isWatched = false;
  #isClosed = false;
  readonly #members: Map<SourceNode, WatchedFile> = new Map();
  readonly #byIdentity: Map<string, WatchedFile> = new Map();
  readonly #byWatch: Map<number, WatchedFile> = new Map();

  readonly #buffer: Uint8Array = new Uint8Array(LONGEST_RECORD_BYTES);
  /** The records that are left: where the first begins and the last ends. */
  #begin = 0;
  #end = 0;
  /** The first one, while it is out for delivery; whether anybody has got it. */
  #current: InotifyEvent | undefined = undefined;
  #isDelivered = false;
  /** The members that are pending: to whom the first record is still due, or one that they brought along from another group. */
  readonly #due: Set<SourceNode> = new Set();
  /** Why the watcher could not be read; 0: it could. */
  #fault = 0;

  private constructor(core: LoopCore, watcher: Handle, priority: number) {
    this.#core = core;
    const node = new PlainNode(core, kind, ONESHOT, priority);
    node.owner = this;
    this.#watch = new Watch(node, watcher, IoEvent.IN);
  }

  /** A new group, or a negative errno. */
  static open(core: LoopCore, priority: number): InotifyGroup | number {
    const watcher = core.kernel.openFileWatcher();
    if (watcher < 0) return watcher;
    const group = new InotifyGroup(core, watcher, priority);
    const result = core.watches.register(group.#watch);
    if (result < 0) {
      core.kernel.close(watcher);
      return result;
    }
    group.#isWatched = true;
    // Also while all its sources are off it is worth polling for: what they are not to have must be dropped before they are on again.
    core.fed.add(priority);
    return group;
  }

  get priority(): number {
    return this.#watch.node.rank;
  }

  get isEmpty(): boolean {
    return this.#members.size === 0;
  }

  /** Lets a source watch the file behind a handle. A negative errno leaves all as it was. */
  join(node: SourceNode, handle: Handle): number {
    const { kernel } = this.#core;
    const identity = kernel.inodeOf(handle);
    if (typeof identity === "number") return identity;
    const known = this.#byIdentity.get(identity);
    const watch = kernel.addFileWatch(this.#watch.handle, handle, sharedMask([...known?.members ?? [], node]));
    if (watch < 0) return watch;
    let file = known;
    if (known?.watch !== watch) {
      // A known file with another watch is gone, and this is a new one that was given its number.
      if (known !== undefined) kernel.addFileWatch(this.#watch.handle, handle, sharedMask([node]) & ~WatchEvent.MASK_CREATE);
      file = new WatchedFile(identity, watch);
      this.#byIdentity.set(identity, file);
      this.#byWatch.set(watch, file);
    }
    file!.members.add(node);
    this.#members.set(node, file!);
    // One that comes from another group, with a record from there.
    if (node.isPending) this.#due.add(node);
    return 0;
  }

  /** Takes a source out; what it is to deliver it takes along. */
  leave(node: SourceNode): void {
    const file = this.#members.get(node)!;
    this.#members.delete(node);
    file.members.delete(node);
    if (file.members.size === 0) this.#forget(file);
    if (!this.#due.delete(node)) return;
    this.delivering((node.owner as InotifyMember).event);
    this.settle();
  }

  /** Nobody is left in it. */
  close(): void {
    this.#isClosed = true;
    this.#core.fed.remove(this.priority);
    this.#core.watches.unregister(this.#watch);
    this.#core.kernel.close(this.#watch.handle);
  }

  /** The watcher is ready. */
  read(events: number): void {
    this.#isWatched = false;
    if (this.#due.size > 0) return;
    const count = events === IoEvent.IN ? this.#core.kernel.tryRead(this.#watch.handle, this.#buffer) : -Errno.EIO;
    if (count > 0) this.#end = count;
    else if (count === -Errno.EAGAIN || count === -Errno.EINTR) this.settle();
    else this.#fault = count || -Errno.EIO;
  }

  /** There are records that can be looked at. Not while a callback runs that was given the first one. */
  get deliverable(): boolean {
    return this.#fault !== 0 || (this.#end > 0 && this.#due.size === 0 && !this.#isDelivered);
  }

  /** Looks at the records until somebody wants one. Throws EIO and the like when they could not be read. */
  deliver(): void {
    while (this.#fault === 0 && this.deliverable) {
      const bytes = this.#buffer.subarray(this.#begin, this.#end);
      const size = recordBytes(bytes);
      if (size === undefined) this.#fault = -Errno.EIO;
      else this.#offer(decodeRecord(bytes.subarray(0, size)));
      if (this.#due.size === 0) this.#drop();
    }
    const fault = this.#fault;
    this.#fault = 0;
    this.settle();
    if (fault < 0) throw systemError(fault, `Cannot read file events in loop '${this.#core.name}': ${errorCode(-fault)}`, "read");
  }

  /** This is being delivered, or was taken along to another group. */
  delivering(event: InotifyEvent | undefined): void {
    if (event === this.#current) this.#isDelivered = true;
  }

  /** It is not pending any more. */
  satisfied(node: SourceNode): void {
    if (this.#due.delete(node)) this.settle();
  }

  /** When nobody has anything to deliver: goes on to the next record if this one was delivered, and to the next read after the last one. */
  settle(): void {
    if (this.#isClosed || this.#due.size > 0) return;
    if (this.#isDelivered) this.#drop();
    if (this.#end > 0 || this.#isWatched) return;
    const result = this.#core.watches.register(this.#watch);
    if (result < 0) this.#fault = result;
    else this.#isWatched = true;
  }

  /** Makes pending who wants the event. */
  #offer(event: InotifyEvent): void {
    this.#current = event;
    if ((event.mask & WatchEvent.Q_OVERFLOW) !== 0) return this.#offerTo(this.#members.keys(), event);
    const file = this.#byWatch.get(event.wd);
    if (file === undefined) return;
    if ((event.mask & WatchEvent.IGNORED) !== 0) this.#markEnded(file);
    this.#offerTo([...file.members].filter((node) => wants(node, event)), event);
  }

  #offerTo(nodes: Iterable<SourceNode>, event: InotifyEvent): void {
    for (const node of nodes) {
      if (!node.online) continue;
      (node.owner as InotifyMember).event = event;
      this.#due.add(node);
      setPending(this.#core, node);
    }
  }

  /** Is through with the first record; when that cannot be told from the rest, with all. */
  #drop(): void {
    this.#current = undefined;
    this.#isDelivered = false;
    this.#begin += recordBytes(this.#buffer.subarray(this.#begin, this.#end)) ?? Infinity;
    if (this.#begin >= this.#end) this.#begin = this.#end = 0;
  }

  #forget(file: WatchedFile): void {
    const { watch } = file;
    this.#markEnded(file);
    // The kernel may have ended it already.
    if (watch >= 0) this.#core.kernel.removeFileWatch(this.#watch.handle, watch);
  }

  /** Its number and its identity may be another file's from now on. */
  #markEnded(file: WatchedFile): void {
    if (this.#byIdentity.get(file.identity) === file) this.#byIdentity.delete(file.identity);
    this.#byWatch.delete(file.watch);
    file.watch = -1;
  }
}

/** What the kernel is to watch for so that all of these are served. */
function sharedMask(nodes: readonly SourceNode[]): number {
  let any = 0;
  let all = -1;
  for (const { owner } of nodes) {
    const { mask } = owner as InotifyMember;
    any |= mask;
    all &= mask;
  }
  return ((any & ~HOW) | (all & WatchEvent.EXCL_UNLINK)) >>> 0;
}

function wants(node: SourceNode, event: InotifyEvent): boolean {
  const { mask } = node.owner as InotifyMember;
  return (event.mask & ((mask & WatchEvent.ALL_EVENTS) | UNASKED)) !== 0;
}
