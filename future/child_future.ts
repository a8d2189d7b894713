/**
 * Futures of a child process (sd-future, section 6.4).
 *
 * @module
 */

import { addChild, type ChildInfo, type ChildSource, type ChildTarget } from "../event/child_source.ts";
import { SystemError } from "../event/errno.ts";
import { coreOf, type EventLoop } from "../event/event_loop.ts";
import { ChildEvent } from "../event/flags.ts";
import type { LoopCore } from "../event/loop_core.ts";
import { sec, type Usec } from "../event/time.ts";
import { addTimeRelative, type TimeSource } from "../event/time_source.ts";
import { requireUsec } from "../event/validate.ts";
import { inheritedPriority, requireNotExiting } from "./event_future.ts";
import { FutureCore, type FutureKind, UNRESOLVED } from "./future_core.ts";
import { Future, onAccount } from "./future.ts";
import { type CancelledError, cancelledError } from "./interruption.ts";

/** How long a process that was asked to end is given before it is killed, unless somebody says otherwise: 90 s. */
export const DEFAULT_KILL_TIMEOUT: Usec = sec(90);

/** Watches one process on behalf of a future, and ends it where it is owned. */
class ChildWait {
  readonly future: FutureCore;
  readonly core: LoopCore;
  readonly source: ChildSource;
  readonly events: number;
  info: ChildInfo | undefined = undefined;
  killTimeout: Usec = DEFAULT_KILL_TIMEOUT;
  #lastSignal: "SIGTERM" | "SIGKILL" | undefined = undefined;
  #cancellation: CancelledError | undefined = undefined;
  #killTimer: TimeSource | undefined = undefined;

  constructor(core: LoopCore, child: ChildTarget, events: number) {
    this.core = core;
    this.events = events;
    this.future = new FutureCore(core, kind, this);
    this.source = addChild(core, child, events, (info) => this.#reported(info), { priority: inheritedPriority() });
  }

  cancel(reason: unknown): void {
    if (!this.source.ownsProcess) {
      this.#release();
      this.future.reject(cancelledError(reason));
      return;
    }
    if (this.#lastSignal === "SIGKILL") return;
    this.#cancellation ??= cancelledError(reason);
    this.#signal(this.#lastSignal === undefined ? "SIGTERM" : "SIGKILL");
  }

  setPriority(priority: number): void {
    this.source.priority = priority;
    if (this.#killTimer !== undefined) this.#killTimer.priority = priority;
  }

  /** A process that has gone already will be reported; one that cannot be signalled must not hang whoever waits for its end. */
  #signal(signal: "SIGTERM" | "SIGKILL"): void {
    try {
      this.source.kill(signal);
    } catch (error) {
      if (!(error instanceof SystemError && error.code === "ESRCH")) {
        this.#release();
        this.future.reject(error);
        throw error;
      }
      this.#lastSignal = signal;
      return this.#dropTimer();
    }
    this.#lastSignal = signal;
    this.#dropTimer();
    if (signal === "SIGTERM" && this.killTimeout !== Infinity && !this.core.exitRequested) {
      this.#killTimer = addTimeRelative(this.core, "monotonic", this.killTimeout, () => this.#signal("SIGKILL"), {
        accuracy: 1,
        priority: this.source.priority,
      });
    }
  }

  #reported(info: ChildInfo): void {
    this.info = info;
    this.#release();
    if (this.#cancellation !== undefined) this.future.reject(this.#cancellation);
    else this.future.fulfil(info);
  }

  #release(): void {
    this.#dropTimer();
    this.source[Symbol.dispose]();
  }

  #dropTimer(): void {
    this.#killTimer?.[Symbol.dispose]();
    this.#killTimer = undefined;
  }
}

const kind: FutureKind = {
  name: "child",
  cancel: (future, reason) => (future.backing as ChildWait).cancel(reason),
  setPriority: (future, priority) => (future.backing as ChildWait).setPriority(priority),
};

/** Makes the handle of a wait. */
let childFutureOf: (wait: ChildWait) => ChildFuture;

/**
 * What becomes of a process: fulfilled when it reports one of the events asked for; an exit reaps it, unless NOWAIT was asked for.
 *
 * Cancelled, it stops watching at once and the process goes on, unless it owns the process: then it sends SIGTERM, at the next
 * cancel or after `killTimeout` SIGKILL, and resolves, with ECANCELED, when the process has ended.
 */
export class ChildFuture extends Future<ChildInfo> {
  readonly #wait: ChildWait;

  static {
    childFutureOf = (wait) => new ChildFuture(wait);
  }

  /** Not for users: see {@linkcode childFuture}. */
  protected constructor(wait: object) {
    if (!(wait instanceof ChildWait)) throw new SystemError("EINVAL", "Cannot make a ChildFuture by new: use childFuture()");
    super(wait.future);
    this.#wait = wait;
    onAccount(wait.future);
  }

  /** What the process reported, also where the outcome is ECANCELED. EAGAIN while pending; the outcome's error where it never reported. */
  info(): ChildInfo {
    const { info, future } = this.#wait;
    if (info !== undefined) return info;
    if (future.state === UNRESOLVED) {
      throw new SystemError("EAGAIN", `Cannot tell what became of process ${this.#wait.source.pid}: it has not ended`);
    }
    throw future.content;
  }

  /** The process ends with the wait. Setting it is EINVAL where anything but the plain exit is waited for. Default: `false`. */
  get ownsProcess(): boolean {
    return this.#wait.source.ownsProcess;
  }

  set ownsProcess(owned: boolean) {
    if (owned && this.#wait.events !== ChildEvent.EXITED) {
      throw new SystemError("EINVAL", `Cannot own process ${this.#wait.source.pid}: only a wait for its plain exit can`);
    }
    this.#wait.source.ownsProcess = owned;
  }

  /** How long after SIGTERM the process gets SIGKILL; `Infinity` never by itself. Takes effect with the next cancel. Default: 90 s. */
  get killTimeout(): Usec {
    return this.#wait.killTimeout;
  }

  set killTimeout(usec: Usec) {
    this.#wait.killTimeout = requireUsec(usec, "killTimeout");
  }
}

/**
 * Waits for state changes of a child process.
 *
 * @param events A `ChildEvent` word. Default: EXITED.
 * @throws {SystemError} ECANCELED when the loop is exiting, and as `EventLoop.addChild`: EINVAL, EBUSY, ESRCH, ENOTTY, EREMOTE.
 */
export function childFuture(loop: EventLoop, child: ChildTarget, events: number = ChildEvent.EXITED): ChildFuture {
  const core = coreOf(loop);
  requireNotExiting(core, "wait for a process");
  return childFutureOf(new ChildWait(core, child, events));
}

/**
 * The future of a process that was just started: it owns the process and its descriptor. If the loop is disposed before, the process is killed.
 *
 * @returns The future, and the source by which it watches.
 */
export function ownedChildFuture(core: LoopCore, pidfd: number, killTimeout: Usec): { status: ChildFuture; source: ChildSource } {
  const wait = new ChildWait(core, { pidfd }, ChildEvent.EXITED);
  const { source } = wait;
  source.ownsProcess = source.ownsPidfd = true;
  wait.killTimeout = killTimeout;
  return { status: childFutureOf(wait), source };
}
