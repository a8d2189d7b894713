/**
 * A file, directory or symbolic link of the virtual file tree.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import { WatchEvent } from "../../flags.ts";
import type { Result } from "../kernel.ts";
import { OpenFile } from "../emulated/open_file.ts";

/** Somebody who wants to know what happens to an inode. */
export interface InodeObserver {
  /** `events`, a WatchEvent word, happened to it, or in it to the entry of this name; "" is itself. */
  tell(events: number, name: string, cookie: number): void;
  /** It is gone. */
  gone(): void;
}

/** What kind of file: a link leads to `target`. */
export type InodeKind = "directory" | "file" | { readonly target: string };

/** One of the tree. It lives on without a name as long as a handle stands for it. */
export class Inode {
  /** One of its own among those that live. */
  readonly number: number;
  readonly kind: InodeKind;
  /** Where it is, or was at last; the root is in none. */
  parent: Inode | undefined;
  name: string;
  removed = false;
  /** Of a directory: what is in it, by name. */
  readonly entries: Map<string, Inode> = new Map();
  readonly observers: Set<InodeObserver> = new Set();
  /** How many open files stand for it. */
  openFiles = 0;
  readonly #onDeath: (inode: Inode) => void;
  /** With room for more, so that a file may grow piece by piece. */
  #buffer = new Uint8Array(0);
  #size = 0;

  constructor(number: number, kind: InodeKind, place: { parent: Inode | undefined; name: string }, onDeath: (inode: Inode) => void) {
    this.number = number;
    this.kind = kind;
    this.parent = place.parent;
    this.name = place.name;
    this.#onDeath = onDeath;
  }

  get isDirectory(): boolean {
    return this.kind === "directory";
  }

  /** Its path as Linux tells it: of what was removed, the last one, and that. */
  get path(): string {
    return this.removed ? `${this.#lastPath} (deleted)` : this.#lastPath;
  }

  get #lastPath(): string {
    if (this.parent === undefined) return "/";
    const directory = this.parent.#lastPath;
    return directory === "/" ? `/${this.name}` : `${directory}/${this.name}`;
  }

  /** Tells its own observers. */
  tell(events: number, name: string = "", cookie: number = 0): void {
    for (const observer of [...this.observers]) observer.tell(events, name, cookie);
  }

  /** Tells its directory's observers by name, then its own. */
  tellAround(events: number): void {
    const word = this.isDirectory ? events | WatchEvent.ISDIR : events;
    if (!this.removed) this.parent?.tell(word, this.name);
    this.tell(word);
  }

  /** Of a file: what is in it, good until that changes. */
  get content(): Uint8Array {
    return this.#buffer.subarray(0, this.#size);
  }

  /** Adds to what is in it. */
  append(data: Uint8Array): void {
    const size = this.#size + data.length;
    if (size > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(size, 2 * this.#buffer.length));
      larger.set(this.content);
      this.#buffer = larger;
    }
    this.#buffer.set(data, this.#size);
    this.#size = size;
    this.tellAround(WatchEvent.MODIFY);
  }

  /** Makes this all that is in it. */
  rewrite(data: Uint8Array): void {
    this.#size = 0;
    this.append(data);
  }

  /** Takes all that is in it away. */
  truncate(): void {
    if (this.#size === 0) return;
    this.#size = 0;
    this.tellAround(WatchEvent.MODIFY);
  }

  /** Nothing but handles keep it from now on. */
  remove(): void {
    this.removed = true;
    this.dieUnlessKept();
  }

  /** One thing less keeps it. */
  dieUnlessKept(): void {
    if (!this.removed || this.openFiles > 0) return;
    this.tell(WatchEvent.DELETE_SELF);
    this.end();
  }

  /** Its observers lose it. */
  end(): void {
    for (const observer of [...this.observers]) observer.gone();
    this.#onDeath(this);
  }
}

/** What a handle of an inode stands for: it keeps the inode, and neither reads nor writes. */
export class PathFile extends OpenFile {
  readonly inode: Inode;

  constructor(inode: Inode) {
    super();
    this.inode = inode;
    inode.openFiles++;
  }

  get description(): string {
    return `path ${this.inode.path}`;
  }

  override get watchable(): boolean {
    return false;
  }

  override read(_buffer: Uint8Array): Result {
    return -Errno.EBADF;
  }

  override write(_data: Uint8Array): Result {
    return -Errno.EBADF;
  }

  override release(): void {
    this.inode.openFiles--;
    this.inode.dieUnlessKept();
  }
}
