/**
 * The virtual file tree: names, and what is told of each change to those who watch.
 *
 * @module
 */

import { Errno, errorCode, SystemError, systemError } from "../../errno.ts";
import { WatchEvent } from "../../flags.ts";
import type { Usec } from "../../time.ts";
import type { Result } from "../kernel.ts";
import { Inode, type InodeKind } from "./inode.ts";
import type { SimulatedFiles } from "./simulated_kernel.ts";

/** What Linux begins with (fs.inotify.max_queued_events). */
const defaultMaxQueuedRecords = 16_384;

/** A good disk. */
const defaultLatency = 100;

/** How long a name may be, and how many links may lead to each other. */
const maxNameBytes = 255;
const maxLinks = 40;

const encoder = new TextEncoder();

/** Where a path leads: to an entry of a directory that is there or could be made. The root is in no directory. */
interface Place {
  readonly parent: Inode | undefined;
  readonly name: string;
  readonly inode: Inode | undefined;
}

/** See the head of this module. */
export class FileTree implements SimulatedFiles {
  maxQueuedRecords = defaultMaxQueuedRecords;
  latency: Usec = defaultLatency;
  readonly #numbers = new Set<number>();
  readonly #root: Inode;
  #lastCookie = 0;

  constructor() {
    this.#root = this.#create("directory", { parent: undefined, name: "" });
  }

  /** What is at this path, or a negated errno. */
  find(path: string, options: { follow: boolean }): Inode | Result {
    const place = this.#walk(this.#root, path, options.follow, 0);
    return typeof place === "number" ? place : place.inode ?? -Errno.ENOENT;
  }

  /** The file at this path, made where it is missing, or a negated errno. */
  make(path: string): Inode | Result {
    const place = this.#walk(this.#root, path, true, 0);
    if (typeof place === "number") return place;
    if (place.inode?.isDirectory || (place.inode === undefined && path.endsWith("/"))) return -Errno.EISDIR;
    return place.inode ?? this.#add("file", place, "");
  }

  /** A file in the directory of what is or could be at this path, under a name that nothing else has; or a negated errno. */
  makeTemporary(path: string): Inode | Result {
    const directory = this.find(path.slice(0, path.lastIndexOf("/") + 1) || "/", { follow: true });
    if (typeof directory === "number") return directory;
    let number = 0;
    while (directory.entries.has(temporaryName(number))) number++;
    return this.#add("file", { parent: directory, name: temporaryName(number), inode: undefined }, "");
  }

  /** As {@linkcode rename}; 0 or a negated errno. */
  tryRename(from: string, to: string): Result {
    try {
      this.rename(from, to);
      return 0;
    } catch (error) {
      if (error instanceof SystemError) return -error.errno;
      throw error;
    }
  }

  mkdir(path: string): void {
    const action = `Cannot make directory '${path}'`;
    this.#add("directory", this.#place(path, { follow: false }, action), action);
  }

  symlink(target: string, path: string): void {
    const action = `Cannot make link '${path}'`;
    this.#add({ target }, this.#place(path, { follow: false }, action), action);
  }

  write(path: string, content: Uint8Array | string = "."): void {
    const action = `Cannot write to '${path}'`;
    const inode = this.make(path);
    if (typeof inode === "number") return refuse(true, -inode, action);
    inode.tellAround(WatchEvent.OPEN);
    inode.rewrite(typeof content === "string" ? encoder.encode(content) : content);
    inode.tellAround(WatchEvent.CLOSE_WRITE);
  }

  list(path: string): string[] {
    const inode = this.find(path, { follow: true });
    const action = `Cannot list '${path}'`;
    if (typeof inode === "number") return refuse(true, -inode, action);
    refuse(!inode.isDirectory, Errno.ENOTDIR, action);
    return [...inode.entries.keys()].sort();
  }

  read(path: string): Uint8Array {
    const action = `Cannot read '${path}'`;
    const { inode } = this.#place(path, { follow: true }, action);
    if (inode === undefined) return refuse(true, Errno.ENOENT, action);
    for (const event of [WatchEvent.OPEN, WatchEvent.ACCESS, WatchEvent.CLOSE_NOWRITE]) inode.tellAround(event);
    return inode.content.slice();
  }

  touch(path: string): void {
    const action = `Cannot touch '${path}'`;
    const { inode } = this.#place(path, { follow: true }, action);
    if (inode === undefined) return refuse(true, Errno.ENOENT, action);
    inode.tellAround(WatchEvent.ATTRIB);
  }

  remove(path: string): void {
    const action = `Cannot remove '${path}'`;
    const { parent, name, inode } = this.#place(path, { follow: false }, action);
    if (inode === undefined) return refuse(true, Errno.ENOENT, action);
    if (parent === undefined) return refuse(true, Errno.EBUSY, action);
    refuse(inode.entries.size > 0, Errno.ENOTEMPTY, action);
    parent.entries.delete(name);
    if (!inode.isDirectory) inode.tell(WatchEvent.ATTRIB);
    // What nobody keeps is gone before the directory's observers hear of its name.
    inode.remove();
    parent.tell(WatchEvent.DELETE | directoryBit(inode), name);
  }

  rename(from: string, to: string): void {
    const action = `Cannot rename '${from}' to '${to}'`;
    const source = this.#place(from, { follow: false }, action);
    const target = this.#place(to, { follow: false }, action);
    const { inode } = source;
    if (inode === undefined) return refuse(true, Errno.ENOENT, action);
    if (source.parent === undefined || target.parent === undefined) return refuse(true, Errno.EBUSY, action);
    if (inode === target.inode) return;
    refuse(isWithin(target.parent, inode), Errno.EINVAL, action);
    if (target.inode !== undefined) {
      refuse(isWithin(source.parent, target.inode), Errno.ENOTEMPTY, action);
      refuse(inode.isDirectory && !target.inode.isDirectory, Errno.ENOTDIR, action);
      refuse(!inode.isDirectory && target.inode.isDirectory, Errno.EISDIR, action);
      refuse(target.inode.entries.size > 0, Errno.ENOTEMPTY, action);
    }
    source.parent.entries.delete(source.name);
    target.parent.entries.set(target.name, inode);
    inode.parent = target.parent;
    inode.name = target.name;
    this.#tellOfMove(inode, source.parent, source.name, target.inode);
  }

  unmount(path: string): void {
    const action = `Cannot unmount '${path}'`;
    const { parent, name, inode } = this.#place(path, { follow: true }, action);
    if (inode === undefined) return refuse(true, Errno.ENOENT, action);
    if (parent === undefined || !inode.isDirectory) return refuse(true, Errno.EINVAL, action);
    const mounted = [...below(inode)];
    refuse(mounted.some(({ openFiles }) => openFiles > 0), Errno.EBUSY, action);
    parent.entries.set(name, this.#create("directory", { parent, name }));
    for (const each of mounted) {
      each.tell(WatchEvent.UNMOUNT | directoryBit(each));
      each.end();
    }
  }

  #tellOfMove(inode: Inode, oldParent: Inode, oldName: string, replaced: Inode | undefined): void {
    const cookie = ++this.#lastCookie;
    oldParent.tell(WatchEvent.MOVED_FROM | directoryBit(inode), oldName, cookie);
    inode.parent!.tell(WatchEvent.MOVED_TO | directoryBit(inode), inode.name, cookie);
    replaced?.tell(WatchEvent.ATTRIB | directoryBit(replaced));
    inode.tell(WatchEvent.MOVE_SELF);
    replaced?.remove();
  }

  #add(kind: InodeKind, { parent, name, inode }: Place, action: string): Inode {
    refuse(inode !== undefined, Errno.EEXIST, action);
    const added = this.#create(kind, { parent: parent!, name });
    parent!.entries.set(name, added);
    parent!.tell(WatchEvent.CREATE | directoryBit(added), name);
    return added;
  }

  /** The lowest free number is used first, as the file systems of Linux do it: that of a removed file comes back at once. */
  #create(kind: InodeKind, place: { parent: Inode | undefined; name: string }): Inode {
    let number = 1;
    while (this.#numbers.has(number)) number++;
    this.#numbers.add(number);
    return new Inode(number, kind, place, (inode) => this.#numbers.delete(inode.number));
  }

  #place(path: string, options: { follow: boolean }, action: string): Place {
    const place = this.#walk(this.#root, path, options.follow, 0);
    if (typeof place === "number") return refuse(true, -place, action);
    return place;
  }

  /** Goes along a path; of the last link only where `follow` says so. */
  #walk(from: Inode, path: string, follow: boolean, links: number): Place | Result {
    if (path === "") return -Errno.ENOENT;
    const names = path.split("/").filter((name) => name !== "" && name !== ".");
    const mustBeDirectory = path.endsWith("/");
    let place = placeOf(path.startsWith("/") ? this.#root : from);
    for (const [index, name] of names.entries()) {
      const directory = place.inode;
      if (directory === undefined) return -Errno.ENOENT;
      if (!directory.isDirectory) return -Errno.ENOTDIR;
      const next = this.#step(directory, name, follow || mustBeDirectory || index < names.length - 1, links);
      if (typeof next === "number") return next;
      place = next;
    }
    return mustBeDirectory && place.inode?.isDirectory === false ? -Errno.ENOTDIR : place;
  }

  #step(directory: Inode, name: string, follow: boolean, links: number): Place | Result {
    if (name === "..") return placeOf(directory.parent ?? directory);
    if (encoder.encode(name).length > maxNameBytes) return -Errno.ENAMETOOLONG;
    const inode = directory.entries.get(name);
    if (!follow || typeof inode?.kind !== "object") return { parent: directory, name, inode };
    if (links === maxLinks) return -Errno.ELOOP;
    return this.#walk(directory, inode.kind.target, true, links + 1);
  }
}

function temporaryName(number: number): string {
  return `.sd-fibers-${number}`;
}

function placeOf(inode: Inode): Place {
  return { parent: inode.parent, name: inode.name, inode };
}

function directoryBit(inode: Inode): number {
  return inode.isDirectory ? WatchEvent.ISDIR : 0;
}

function isWithin(inode: Inode | undefined, directory: Inode): boolean {
  return inode !== undefined && (inode === directory || isWithin(inode.parent, directory));
}

/** All of a tree, the leaves first. */
function* below(inode: Inode): Generator<Inode> {
  for (const entry of inode.entries.values()) yield* below(entry);
  yield inode;
}

/** Throws if it is so. */
function refuse(isSo: true, errno: number, action: string): never;
function refuse(isSo: boolean, errno: number, action: string): void;
function refuse(isSo: boolean, errno: number, action: string): void {
  if (isSo) throw systemError(-errno, `${action}: ${errorCode(errno)}`);
}
