/**
 * Sources that wait for a child process (sd-event, section 9.4).
 *
 * @module
 */

import { check, errorCode, SystemError, systemError } from "./errno.ts";
import { ChildEvent, IoEvent } from "./flags.ts";
import type { Kernel, ProcessRecord } from "./kernel/kernel.ts";
import type { LoopCore } from "./loop_core.ts";
import { childTable } from "./child_table.ts";
import { signalGroups } from "./signal_groups.ts";
import { type Signal, signalName, signalNumber } from "./signal_names.ts";
import type { QueuedOptions, QueuedSource } from "./source.ts";
import { nodeOf, QueuedHandle } from "./source_handle.ts";
import { SourceKind } from "./source_kind.ts";
import { setPending } from "./source_lifecycle.ts";
import type { SourceNode } from "./source_node.ts";
import { queuedOptions, requireCallback, requireOptions } from "./validate.ts";
import { Watch } from "./watch_table.ts";

/** A process by its number, or by a pidfd that stays yours. */
export type ChildTarget = number | { pidfd: number };

/** A state change of a process. */
export interface ChildInfo {
  /** The process. */
  readonly pid: number;
  /** Its user. */
  readonly uid: number;
  /** What happened to it. */
  readonly code: "exited" | "killed" | "dumped" | "trapped" | "stopped" | "continued";
  /** The exit code where it exited, else the signal. */
  readonly status: number;
}

/** Told of a state change. When the process is dead it is still waitable here, and reaped afterwards. */
export type ChildCallback = (info: ChildInfo, source: ChildSource) => void;

/** What `EventLoop.addChild` takes besides. `enabled` defaults to `"oneshot"`. */
export interface ChildOptions extends QueuedOptions {
  /** SIGKILL and reap it with the source, blocking. Default: `false`. On a fiber prefer `childFuture`, which asks first and waits. */
  ownsProcess?: boolean;
  /** Close the pidfd with the source. Default: `true` for one that the source opened itself, else `false`. */
  ownsPidfd?: boolean;
}

/** Waits for state changes of a child process. */
export interface ChildSource extends QueuedSource {
  /** Always `"child"`. */
  readonly type: "child";
  /** The process. */
  readonly pid: number;
  /** The handle of the process. */
  readonly pidfd: number;
  /** The process is killed and reaped with the source. */
  ownsProcess: boolean;
  /** The pidfd is closed with the source. */
  ownsPidfd: boolean;
  /** Sends it a signal, with a value where one is given. Throws EINVAL for a bad signal, ESRCH once its exit was seen, and what the kernel refuses. */
  kill(signal: Signal, value?: number): void;
}

const SIGCHLD = signalNumber("SIGCHLD");
const SIGKILL = signalNumber("SIGKILL");
const ALL_EVENTS = ChildEvent.EXITED | ChildEvent.STOPPED | ChildEvent.CONTINUED | ChildEvent.NOWAIT;
const codeNames = ["exited", "killed", "dumped", "trapped", "stopped", "continued"] as const;

/** How a kernel's record reads to users. */
export function childInfo({ pid, uid, code, status }: ProcessRecord): ChildInfo {
  return { pid, uid, code: codeNames[code - 1], status };
}

/** The process is dead: exited, killed or dumped. */
function isDead(record: ProcessRecord): boolean {
  return record.code >= 1 && record.code <= 3;
}

const childOptions = [...queuedOptions, "ownsProcess", "ownsPidfd"];

const kind = new SourceKind({
  name: "child",
  kernelFed: true,
  invoke(node) {
    const handle = node.owner as ChildHandle;
    return handle.callback(childInfo(handle.record), handle);
  },
  goOnline: (node) => (node.owner as ChildHandle).register(node.core!),
  modeChanged: (node) => (node.owner as ChildHandle).register(node.core!),
  goOffline: (node) => (node.owner as ChildHandle).unregister(node.core!),
  ready: (node) => (node.owner as ChildHandle).look(node),
  afterDispatch: (node) => (node.owner as ChildHandle).reap(),
  disconnect: (node) => node.core!.children!.delete((node.owner as ChildHandle).pid),
  release: (node) => (node.owner as ChildHandle).release(),
});

/** What nobody reads any more. */
const consumed: ProcessRecord = { pid: 0, uid: 0, code: 0, status: 0 };

class ChildHandle extends QueuedHandle implements ChildSource {
  declare readonly node: SourceNode;
  declare readonly pid: number;
  declare readonly callback: (info: ChildInfo, source: ChildSource) => unknown;
  readonly record: ProcessRecord = { pid: 0, uid: 0, code: 0, status: 0 };
  ownsProcess: boolean;
  ownsPidfd: boolean;
  readonly #kernel: Kernel;
  readonly #events: number;
  /** Only its exit matters: its handle says all. */
  readonly #exitOnly: boolean;
  readonly #watch: Watch;
  #exited = false;
  #reaped = false;

  constructor(
    core: LoopCore,
    process: { pid: number; pidfd: number; opened: boolean },
    events: number,
    callback: ChildCallback | null | undefined,
    options: ChildOptions | undefined,
  ) {
    super();
    this.node = nodeOf(core, kind, this, "oneshot", options);
    this.pid = process.pid;
    this.callback = callback ?? (() => core.exit(0));
    this.#kernel = core.kernel;
    this.#events = events;
    this.#exitOnly = (events & ~ChildEvent.NOWAIT) === ChildEvent.EXITED;
    this.#watch = new Watch(this.node, process.pidfd, IoEvent.IN);
    this.ownsProcess = false;
    this.ownsPidfd = false;
    this.connectWith(core, options, `watch process ${process.pid}`);
    core.children!.add(this.pid, this.node);
    this.ownsProcess = options?.ownsProcess ?? false;
    this.ownsPidfd = options?.ownsPidfd ?? process.opened;
  }

  get pidfd(): number {
    return this.#watch.handle;
  }

  register(core: LoopCore): number {
    if (this.#reaped) return 0;
    if (this.#exitOnly) return core.watches.register(this.#watch);
    if (core.children!.isScanning(this.node)) return 0;
    const result = signalGroups(core).claim(SIGCHLD);
    if (result >= 0) core.children!.startScanning(this.node);
    return result;
  }

  unregister(core: LoopCore): void {
    if (this.#exitOnly) return core.watches.unregister(this.#watch);
    if (!core.children!.stopScanning(this.node)) return;
    core.signals!.release(SIGCHLD);
  }

  /** Is there a change of the kinds asked for? A death is left for `reap`; other changes, told of beside it, are consumed here. */
  look(node: SourceNode): void {
    if (node.isPending || !node.online || (this.#exited && !this.#exitOnly)) return;
    const { record } = this;
    const wanted = this.#events & ~ChildEvent.NOWAIT;
    const leave = (wanted & ChildEvent.EXITED) !== 0;
    const result = leave ? this.#kernel.peekProcess(this.pidfd, wanted, record) : this.#kernel.reapProcess(this.pidfd, wanted, record);
    if (result < 0) {
      const error = new SystemError(
        "ECHILD",
        `Cannot wait for process ${this.pid}: it is no child of this process, or was reaped by somebody else`,
      );
      return node.core!.fail(node, error);
    }
    if (result === 0) return;
    if (isDead(record)) this.#exited = true;
    else if (leave) this.#consume(wanted & ~ChildEvent.EXITED);
    setPending(node.core!, node);
  }

  #consume(options: number): void {
    this.#kernel.reapProcess(this.pidfd, options, consumed);
  }

  /** After its callback: a dead process is reaped, unless somebody else wants to; of another one there may be more news. */
  reap(): void {
    if (!this.#exited) this.node.core?.children?.lookAgain(this.node);
    if (!this.#exited || this.#reaped || (this.#events & ChildEvent.NOWAIT) !== 0) return;
    this.#consume(ChildEvent.EXITED);
    this.#reaped = true;
    const { core } = this.node;
    if (core !== undefined && this.node.online) this.unregister(core);
  }

  kill(signal: Signal, value?: number): void {
    const number = signalNumber(signal);
    if (this.#exited) throw new SystemError("ESRCH", `Cannot send ${signalName(number)} to process ${this.pid}: it has ended`);
    check(
      this.#kernel.signalProcess(this.pidfd, number, value),
      (code) => `Cannot send ${signalName(number)} to process ${this.pid}: ${code}`,
      "pidfd_send_signal",
    );
  }

  /** One that may not be killed (it has become another user's) could not be waited for. */
  #killed(): boolean {
    return this.#exited || this.#kernel.signalProcess(this.pidfd, SIGKILL, undefined) >= 0;
  }

  release(): void {
    if (this.ownsProcess && !this.#reaped && this.#killed()) {
      this.#kernel.reapKilledProcess(this.pidfd);
      this.#reaped = true;
    }
    if (this.ownsPidfd) this.#kernel.close(this.pidfd);
  }

  override get type(): "child" {
    return "child";
  }
}

/** See `EventLoop.addChild`. */
export function addChild(
  core: LoopCore,
  child: ChildTarget,
  events: number,
  callback?: ChildCallback | null,
  options?: ChildOptions,
): ChildSource {
  requireChild(child);
  requireEvents(child, events);
  requireCallback(callback, "watch a process");
  requireOptions(options, childOptions, "watch a process");
  core.requireLive("watch a process");
  requireNews(core, child, events);
  return typeof child === "number"
    ? addByNumber(core, child, events, callback, options)
    : addByPidfd(core, child.pidfd, events, callback, options);
}

function addByNumber(
  core: LoopCore,
  pid: number,
  events: number,
  callback: ChildCallback | null | undefined,
  options: ChildOptions | undefined,
): ChildSource {
  requireUnwatched(core, pid, pid);
  const pidfd = core.kernel.openProcess(pid);
  if (pidfd < 0) throw notThere(pid, pidfd, "pidfd_open");
  try {
    return new ChildHandle(core, { pid, pidfd, opened: true }, events, callback, options);
  } catch (error) {
    core.kernel.close(pidfd);
    throw error;
  }
}

function addByPidfd(
  core: LoopCore,
  pidfd: number,
  events: number,
  callback: ChildCallback | null | undefined,
  options: ChildOptions | undefined,
): ChildSource {
  const pid = core.kernel.processId(pidfd);
  if (pid < 0) throw notThere({ pidfd }, pid);
  requireUnwatched(core, pid, { pidfd });
  return new ChildHandle(core, { pid, pidfd, opened: false }, events, callback, options);
}

// The names of processes are made for errors alone: each is a text that hardly ever is read.

function titleOf(child: ChildTarget): string {
  return typeof child === "number" ? `process '${child}'` : `pidfd '${child.pidfd}'`;
}

function requireChild(child: ChildTarget): void {
  if (typeof child === "number") {
    if (Number.isInteger(child) && child > 1) return;
    throw new SystemError("EINVAL", `Cannot watch ${titleOf(child)}: a process number is a whole number above 1`);
  }
  if (Number.isInteger(child.pidfd) && child.pidfd >= 0) return;
  throw new SystemError("EBADF", `Cannot watch ${titleOf(child)}: not a descriptor`);
}

function requireEvents(child: ChildTarget, events: number): void {
  if (Number.isInteger(events) && (events & ~ALL_EVENTS) === 0 && (events & ~ChildEvent.NOWAIT) !== 0) return;
  throw new SystemError("EINVAL", `Cannot watch ${titleOf(child)} for '${events}': it takes a word of ChildEvent flags, NOWAIT not alone`);
}

/** The kernel can tell of these events. */
function requireNews({ kernel }: LoopCore, child: ChildTarget, events: number): void {
  if ((events & ChildEvent.EXITED) !== 0 && kernel.reapsAutomatically() > 0) {
    const cause = "this process ignores SIGCHLD, so the system reaps its children by itself";
    throw new SystemError("EBUSY", `Cannot watch ${titleOf(child)}: ${cause}`);
  }
  if ((events & (ChildEvent.STOPPED | ChildEvent.CONTINUED)) !== 0 && !kernel.features.has("pidfd")) {
    const cause = `the ${kernel.name} kernel tells of no more than EXITED`;
    throw new SystemError("EOPNOTSUPP", `Cannot watch ${titleOf(child)} for '${events}': ${cause}`);
  }
}

function requireUnwatched(core: LoopCore, pid: number, child: ChildTarget): void {
  if (!childTable(core).has(pid)) return;
  throw new SystemError("EBUSY", `Cannot watch ${titleOf(child)}: this loop has a source for it already, dispose that one first`);
}

function notThere(child: ChildTarget, result: number, syscall?: string): SystemError {
  return systemError(result, `Cannot watch ${titleOf(child)}: ${errorCode(-result)}`, syscall);
}
