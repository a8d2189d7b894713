/**
 * The inotify sources of one loop, by priority (sd-event, section 9.5).
 *
 * A source's file is kept open until the next iteration begins. As long as it is, the source can be moved to the group of another
 * priority; longer it is not, since an open file keeps its file system from being unmounted.
 *
 * @module
 */

import { Errno } from "./errno.ts";
import { InotifyGroup, type InotifyMember } from "./inotify_group.ts";
import type { Handle } from "./kernel/kernel.ts";
import type { LoopCore } from "./loop_core.ts";
import type { SourceNode } from "./source_node.ts";

/** An inotify source's handle. */
export interface InotifyOwner extends InotifyMember {
  /** The file, as long as it is open; else −1. */
  file: Handle;
  /** Where it is; `undefined` before and after. */
  group: InotifyGroup | undefined;
}

/** See the head of this module. */
export class InotifyGroups {
  readonly #core: LoopCore;
  readonly #groups: Map<number, InotifyGroup> = new Map();
  readonly #keepers: Set<InotifyOwner> = new Set();

  constructor(core: LoopCore) {
    this.#core = core;
  }

  /** Takes a source in, and its file. A negative errno: it is as before, and the file is still the caller's. */
  add(node: SourceNode, file: Handle): number {
    const owner = node.owner as InotifyOwner;
    const group = this.#join(node, file, node.rank);
    if (typeof group === "number") return group;
    owner.group = group;
    owner.file = file;
    this.#keepers.add(owner);
    return 0;
  }

  /** Moves a source to another priority: −EOPNOTSUPP once its file is closed. */
  move(node: SourceNode, priority: number): number {
    const owner = node.owner as InotifyOwner;
    if (owner.file < 0) return -Errno.EOPNOTSUPP;
    const group = this.#join(node, owner.file, priority);
    if (typeof group === "number") return group;
    this.#leave(node);
    owner.group = group;
    return 0;
  }

  /** Takes a source out. */
  remove(node: SourceNode): void {
    const owner = node.owner as InotifyOwner;
    this.#leave(node);
    owner.group = undefined;
    if (this.#keepers.delete(owner)) this.#closeFile(owner);
  }

  /** A new iteration has begun. */
  closeFiles(): void {
    if (this.#keepers.size === 0) return;
    for (const owner of this.#keepers) this.#closeFile(owner);
    this.#keepers.clear();
  }

  /** There are records that can be looked at, without asking the kernel. */
  deliverable(): boolean {
    for (const group of this.#groups.values()) if (group.deliverable) return true;
    return false;
  }

  /** Makes pending who wants a record. */
  deliver(): void {
    for (const group of this.#groups.values()) if (group.deliverable) group.deliver();
  }

  #join(node: SourceNode, file: Handle, priority: number): InotifyGroup | number {
    const group = this.#groups.get(priority) ?? InotifyGroup.open(this.#core, priority);
    if (typeof group === "number") return group;
    const result = group.join(node, file);
    if (result >= 0) this.#groups.set(priority, group);
    else if (group.isEmpty) group.close();
    return result < 0 ? result : group;
  }

  #leave(node: SourceNode): void {
    const group = (node.owner as InotifyOwner).group!;
    group.leave(node);
    if (!group.isEmpty) return;
    this.#groups.delete(group.priority);
    group.close();
  }

  #closeFile(owner: InotifyOwner): void {
    this.#core.kernel.close(owner.file);
    owner.file = -1;
  }
}

/** The loop's groups, made with the first source. */
export function inotifyGroups(core: LoopCore): InotifyGroups {
  return core.inotify ??= new InotifyGroups(core);
}
