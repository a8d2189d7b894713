/**
 * Sources that wait for changes of files and directories (sd-event, section 9.5).
 *
 * @module
 */

import { check, type ErrorCode, errorCode, SystemError, systemError } from "./errno.ts";
import { requirePath } from "./file_url.ts";
import { WatchEvent } from "./flags.ts";
import type { InotifyEvent } from "./inotify_event.ts";
import type { InotifyGroup } from "./inotify_group.ts";
import { inotifyGroups, type InotifyOwner } from "./inotify_groups.ts";
import type { Handle, Kernel, Result } from "./kernel/kernel.ts";
import type { LoopCore } from "./loop_core.ts";
import type { LimitedOptions, LimitedSource } from "./source.ts";
import { LimitedHandle, nodeOf } from "./source_handle.ts";
import { SourceKind } from "./source_kind.ts";
import type { SourceNode } from "./source_node.ts";
import { limitedOptions, requireCallback, requireFd, requireOptions } from "./validate.ts";

/** A file by its path, or by a descriptor that stays yours. */
export type InotifyTarget = string | URL | { fd: number };

/** Told of one event. */
export type InotifyCallback = (event: InotifyEvent, source: InotifySource) => void;

/**
 * Waits for changes of a file or directory.
 *
 * The file is watched as itself: renamed, it is watched on, and what comes in its place is not. Once it is gone (`IGNORED`) nothing more comes.
 * Its `priority` can be changed until the next iteration begins; then the file is closed, so that it keeps no file system busy, and setting another one
 * throws EOPNOTSUPP.
 */
export interface InotifySource extends LimitedSource {
  /** Always `"inotify"`. */
  readonly type: "inotify";
  /** What it waits for, the `WatchEvent` word that it was added with. */
  readonly mask: number;
  /** Where the file was when it was added, as the kernel spells it. Throws ESTALE when it is disposed, ENOSYS where the kernel could not tell. */
  readonly path: string;
}

/** A shared watch has a mask that is the sum of all: there is nothing to add to. */
const MASK_ADD = 0x2000_0000;

const kind = new SourceKind({
  name: "inotify",
  kernelFed: true,
  rateLimitable: true,
  invoke: (node) => (node.owner as InotifyHandle).deliver(),
  afterDispatch: (node) => (node.owner as InotifyHandle).settle(),
  pendingChanged(node) {
    if (!node.isPending) (node.owner as InotifyHandle).group!.satisfied(node);
  },
  reprioritise: (node, priority) => node.core!.inotify!.move(node, priority),
  disconnect: (node) => node.core!.inotify!.remove(node),
});

class InotifyHandle extends LimitedHandle implements InotifySource, InotifyOwner {
  declare readonly node: SourceNode;
  declare readonly mask: number;
  declare readonly callback: (event: InotifyEvent, source: InotifySource) => unknown;
  event: InotifyEvent | undefined = undefined;
  file: Handle = -1;
  group: InotifyGroup | undefined = undefined;
  /** Whose record its callback has, if it runs. */
  #delivering: InotifyGroup | undefined = undefined;
  readonly #path: string | Result;

  constructor(
    core: LoopCore,
    { file, mask, title }: { file: Handle; mask: number; title: string },
    callback: InotifyCallback | null | undefined,
    options: LimitedOptions | undefined,
  ) {
    super();
    this.node = nodeOf(core, kind, this, (mask & WatchEvent.ONESHOT) === 0 ? "on" : "oneshot", options);
    this.mask = mask >>> 0;
    this.callback = callback ?? (() => core.exit(0));
    this.#path = core.kernel.pathOf(file);
    check(inotifyGroups(core).add(this.node, file), (code) => because(title, code), "inotify_add_watch");
    this.connectWith(core, options, title);
  }

  deliver(): unknown {
    const event = this.event!;
    this.event = undefined;
    this.#delivering = this.group!;
    this.#delivering.delivering(event);
    return this.callback(event, this);
  }

  /** Its callback has run. It may have another group by now, or none. */
  settle(): void {
    this.#delivering!.settle();
    this.#delivering = undefined;
  }

  override get priority(): number {
    return super.priority;
  }

  override set priority(value: number) {
    try {
      super.priority = value;
    } catch (error) {
      if (!(error instanceof SystemError) || error.code !== "EOPNOTSUPP") throw error;
      throw new SystemError(
        "EOPNOTSUPP",
        `Cannot set the priority of ${this.title} to ${value}: its file is not open any more, add it with that priority`,
      );
    }
  }

  get path(): string {
    const path = this.#path;
    if (this.node.core === undefined) throw new SystemError("ESTALE", `Cannot tell the path of ${this.title}: it is disposed`);
    if (typeof path === "string") return path;
    throw systemError(path, because(`tell the path of ${this.title}`, errorCode(-path)));
  }

  override get type(): "inotify" {
    return "inotify";
  }
}

/** See `EventLoop.addInotify`. */
export function addInotify(
  core: LoopCore,
  target: InotifyTarget,
  mask: number,
  callback?: InotifyCallback | null,
  options?: LimitedOptions,
): InotifySource {
  requireCallback(callback, "watch a file");
  requireOptions(options, limitedOptions, "watch a file");
  const { kernel } = core;
  if (typeof target === "object" && target !== null && "fd" in target) {
    const fd = requireFd(target.fd, "watch the file of");
    const title = `watch the file of fd ${fd}`;
    requireWatchable(core, mask, title);
    const file = check(kernel.duplicate(fd), (code) => because(title, code), "fcntl");
    return closingOnFailure(kernel, file, () => new InotifyHandle(core, { file, mask, title }, callback, options));
  }
  const path = requirePath(target, "watch a file");
  const title = `watch '${path}'`;
  const file = check(kernel.openPath(path, mask), (code) => because(title, code), "open");
  return closingOnFailure(kernel, file, () => {
    requireWatchable(core, mask, title);
    return new InotifyHandle(core, { file, mask, title }, callback, { ...options, description: options?.description ?? path });
  });
}

function requireWatchable(core: LoopCore, mask: number, title: string): void {
  core.requireLive(title);
  const isWord = mask === mask >>> 0 || mask === (mask | 0);
  if (isWord && (mask & MASK_ADD) === 0) return;
  throw new SystemError("EINVAL", `Cannot ${title} for '${mask}': it takes a word of WatchEvent flags`);
}

function closingOnFailure<T>(kernel: Kernel, file: Handle, body: () => T): T {
  try {
    return body();
  } catch (error) {
    kernel.close(file);
    throw error;
  }
}

/** The causes that somebody can mend. */
const reasons: Record<string, string> = {
  EACCES: "reading it is not permitted, by the system or for want of --allow-read",
  EEXIST: "this loop watches it at this priority already, and MASK_CREATE wants no other source",
  EINVAL: "the mask has no event, or a bit that means nothing",
  EMFILE: "too many descriptors are open, or inotify instances (fs.inotify.max_user_instances)",
  ENOENT: "there is no such file",
  ENOSPC: "the user has too many watches (fs.inotify.max_user_watches)",
  ENOSYS: "the system tells it by /proc, which is not there",
  ENOTDIR: "it, or something on the way there, is not a directory",
  EOPNOTSUPP: "the loop's kernel cannot, the portable one tells of ATTRIB, CREATE, DELETE, DELETE_SELF and MODIFY alone",
};

function because(title: string, code: ErrorCode): string {
  return `Cannot ${title}: ${reasons[code] ?? code}`;
}
