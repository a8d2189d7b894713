/**
 * Waiting for a descriptor on a fiber: try, wait until it is ready, try again (sd-future, section 15).
 *
 * Some facts about edges, and why it is done this way:
 *
 * - A descriptor is registered when a fiber first has to wait for it, by edge, and stays registered: from then on a wait costs no system call. What is
 *   ready when it is registered is reported too, so nothing that came before is missed. Only the directions that had to be waited for are registered:
 *   an AF_UNIX socket has an edge of OUT whenever its peer reads.
 * - An edge is reported once. So each direction remembers whether it is ready: as far as is known it is, until a call says EAGAIN; then the next edge
 *   says that it is again, whether anybody waits or not.
 * - In a stream of bytes a call that moves less than it could has met the end of what there is, and the next one would be told EAGAIN: so that one waits
 *   at once. Not so once the other side has hung up: then the end, or an error, is what comes next, and no further edge tells of it.
 * - ERR and HUP are news for both directions: a call that is tried then says what they mean.
 *
 * A wake-up arms the fiber itself; the descriptor's source is never dispatched. It counts as online, and among what the kernel feeds, only while a fiber
 * waits, at that fiber's priority. Nothing else goes with its being on or off, so that is set without further ado.
 *
 * @module
 */

import { errorCode, SystemError, systemError } from "../event/errno.ts";
import { IoEvent } from "../event/flags.ts";
import type { Handle, Result } from "../event/kernel/kernel.ts";
import type { LoopCore } from "../event/loop_core.ts";
import { SourceKind } from "../event/source_kind.ts";
import { connect, dispose } from "../event/source_lifecycle.ts";
import { OFF, ON, PlainNode, type SourceNode } from "../event/source_node.ts";
import { Watch } from "../event/watch_table.ts";
import { type CurrentFiber, EMPTY, ERROR } from "../future/current.ts";
import { BaseOperation } from "../future/operation.ts";
import { mayGoOn, SYSTEM_CALL } from "./credit.ts";
import type { FiberCore } from "./fiber_core.ts";

const EINTR = -4;
const EAGAIN = -11;

const { IN, OUT, ERR, HUP, RDHUP, ET } = IoEvent;

const kind = new SourceKind({
  name: "stream",
  invoke() {},
  ready: (node, events) => (node.owner as StreamIo).edge(events),
  disconnect: (node) => (node.owner as StreamIo).disconnect(),
  release: (node) => (node.owner as StreamIo).closeHandle(),
});

/** One of the two directions of a descriptor. */
export class Direction {
  /** What is watched for, and what of that, with ERR and HUP, ends a wait. */
  declare readonly events: number;
  declare readonly news: number;
  /** A call may find something, as far as is known. */
  declare ready: boolean;
  /** The fiber whose operation is under way. */
  declare fiber: FiberCore | undefined;
  /** It waits, and counts with this priority. */
  declare waits: boolean;
  declare priority: number;

  constructor(events: number) {
    this.events = events;
    this.news = events | ERR | HUP;
    this.ready = true;
    this.fiber = undefined;
    this.waits = false;
    this.priority = 0;
  }
}

/** How a descriptor is used. */
export interface StreamIoOptions {
  /** How errors name it. */
  readonly title: string;
  /**
   * A call that moves less than it could has met the end of what there is. So it is with TCP and pipes, not with datagrams, terminals and AF_UNIX sockets:
   * there a read ends also where a line does, or where descriptors were sent along.
   */
  readonly isByteStream?: boolean;
  /** It is a socket for certain. */
  readonly isSocket?: boolean;
  /** Told before the descriptor is given back. */
  readonly onClose?: () => void;
}

/** One descriptor that fibers use. See the head of this module. */
export class StreamIo {
  core: LoopCore;
  handle: Handle;
  readonly title: string;
  readonly input: Direction = new Direction(IN | RDHUP);
  readonly output: Direction = new Direction(OUT);
  isClosed: boolean = false;
  readonly #isByteStream: boolean;
  readonly #isSocket: boolean;
  readonly #onClose: (() => void) | undefined;
  #hungUp = false;
  #node: SourceNode | undefined = undefined;
  #watch: Watch | undefined = undefined;

  constructor(core: LoopCore, handle: Handle, options: StreamIoOptions) {
    this.core = core;
    this.handle = handle;
    this.title = options.title;
    this.#isByteStream = options.isByteStream ?? false;
    this.#isSocket = options.isSocket ?? false;
    this.#onClose = options.onClose;
  }

  /** Makes it the loop's: it is closed with the loop at the latest. */
  attach(): this {
    if (this.#node !== undefined) return this;
    const node = this.#node = new PlainNode(this.core, kind, OFF, 0);
    node.owner = this;
    this.#watch = new Watch(node, this.handle, ET);
    connect(this.core, node);
    return this;
  }

  /** Closes it. Fibers that wait for it are woken, and find it closed. */
  close(): void {
    if (this.isClosed) return;
    const node = this.#node;
    if (node !== undefined) return dispose(this.core, node);
    this.isClosed = true;
    this.closeHandle();
  }

  /** Gives the descriptor back. */
  closeHandle(): void {
    this.#onClose?.();
    this.core.kernel.close(this.handle);
  }

  /** An operation begins. */
  begin(): void {}

  /** It has ended. */
  end(): void {}

  // Calls: what they moved, or −1 where they could not, and `ready` says whether to wait.

  read(buffer: Uint8Array): number {
    const count = this.core.kernel.tryRead(this.handle, buffer, this.#isSocket);
    if (count < 0) return this.failed(this.input, count, "read from");
    if (count < buffer.length && count > 0 && this.#isByteStream && !this.#hungUp) this.input.ready = false;
    return count;
  }

  write(data: Uint8Array): number {
    const count = this.core.kernel.tryWrite(this.handle, data, this.#isSocket);
    if (count < 0) return this.failed(this.output, count, "write to");
    if (count < data.length && this.#isByteStream) this.output.ready = false;
    return count;
  }

  /** −1 where it is a matter of waiting or of trying again. */
  failed(direction: Direction, result: Result, action: string): -1 {
    if (result === EAGAIN) direction.ready = false;
    else if (result !== EINTR) throw systemError(result, `Cannot ${action} ${this.title}: ${errorCode(-result)}`);
    return -1;
  }

  // Waiting

  /** Throws unless this fiber may begin an operation here. */
  requireFree(fiber: CurrentFiber, direction: Direction, action: string): void {
    this.requireOpen(action);
    if (fiber.core !== this.core) {
      throw new SystemError(
        "EINVAL",
        `Cannot ${action} ${this.title} on a fiber of loop '${fiber.core.name}': it belongs to loop '${this.core.name}'`,
      );
    }
    if (direction.fiber === undefined) return;
    if (direction.fiber !== fiber) {
      throw new SystemError("EBUSY", `Cannot ${action} ${this.title}: fiber '${direction.fiber.name}' does so already, one at a time`);
    }
    // Its operation was left without an end, by somebody who iterated it in a loop of his own.
    this.release(direction);
  }

  requireOpen(action: string): void {
    if (this.isClosed) throw new SystemError("EBADF", `Cannot ${action} ${this.title}: it is closed`);
  }

  /** Suspends the fiber until the direction is ready. Throws what the kernel refuses. */
  wait(direction: Direction, fiber: FiberCore): void {
    if (this.#watch === undefined || (this.#watch.events & direction.events) === 0) this.#listen(direction);
    direction.fiber = fiber;
    direction.waits = true;
    direction.priority = fiber.priority;
    this.core.fed.add(direction.priority);
    this.#node!.mode = ON;
    fiber.park();
  }

  /** Suspends the fiber until its turn comes again. */
  pause(direction: Direction, fiber: FiberCore): void {
    direction.fiber = fiber;
    fiber.parkReady();
  }

  #listen(direction: Direction): void {
    const watch = this.attach().#watch!;
    const before = watch.events;
    watch.events = (before | direction.events) >>> 0;
    const result = this.core.watches.register(watch);
    if (result >= 0) return;
    watch.events = before;
    // Nobody would tell when it becomes ready: it is to be tried again.
    direction.ready = true;
    throw systemError(result, `Cannot wait for ${this.title}: ${errorCode(-result)}`, "epoll_ctl");
  }

  /** The fiber goes on, for whatever reason. */
  release(direction: Direction): void {
    direction.fiber = undefined;
    this.#stopWaiting(direction);
  }

  #stopWaiting(direction: Direction): void {
    if (!direction.waits) return;
    direction.waits = false;
    this.core.fed.remove(direction.priority);
    if (!this.input.waits && !this.output.waits) this.#node!.mode = OFF;
  }

  /** The poller reports something. */
  edge(events: number): void {
    if ((events & (RDHUP | HUP | ERR)) !== 0) this.#hungUp = true;
    this.#wake(this.input, events);
    this.#wake(this.output, events);
  }

  #wake(direction: Direction, events: number): void {
    if ((events & direction.news) === 0) return;
    direction.ready = true;
    if (direction.waits) direction.fiber!.wake(undefined);
  }

  /** It leaves the loop. */
  disconnect(): void {
    this.isClosed = true;
    this.core.watches.unregister(this.#watch!);
    for (const direction of [this.input, this.output]) {
      this.#stopWaiting(direction);
      direction.fiber?.wake(undefined);
    }
  }
}

/**
 * An operation on a descriptor: as many calls as it takes, and between them waits.
 *
 * @typeParam T What it returns.
 */
export abstract class StreamOperation<T> extends BaseOperation<T> {
  declare protected readonly io: StreamIo;
  declare protected readonly direction: Direction;

  constructor(io: StreamIo, direction: Direction) {
    super();
    this.io = io;
    this.direction = direction;
  }

  /** For errors: "read from". */
  protected abstract get action(): string;

  /** `true`: there is nothing to do, and `value` says so. */
  protected isEmpty(): boolean {
    return false;
  }

  /** Makes one call. `true`: that was the last, and `value` is set; else `ready` of the direction says whether to wait. */
  protected abstract step(): boolean;

  protected override start(fiber: CurrentFiber): boolean {
    const { io } = this;
    io.requireFree(fiber, this.direction, this.action);
    if (fiber.cell >= ERROR) throw fiber.takeError();
    if ((fiber as FiberCore).refuse()) return false;
    if (this.isEmpty()) return true;
    io.begin();
    return this.attempt(fiber, false);
  }

  protected override resume(fiber: CurrentFiber): boolean {
    this.io.release(this.direction);
    fiber.unpark();
    return this.attempt(fiber, true);
  }

  protected override abandon(fiber: CurrentFiber): void {
    if (this.direction.fiber === fiber) {
      this.io.release(this.direction);
      this.io.end();
    }
    fiber.unpark();
  }

  private attempt(fiber: CurrentFiber, isWoken: boolean): boolean {
    let ended = true;
    try {
      if (isWoken) this.requireCause(fiber);
      ended = this.proceed(fiber as FiberCore);
      return ended;
    } finally {
      if (ended) this.io.end();
    }
  }

  /** Throws what woke the fiber, unless that was the descriptor. */
  protected requireCause(fiber: CurrentFiber): void {
    if (fiber.cell >= ERROR) throw fiber.takeError();
    if (fiber.cell !== EMPTY) fiber.takeValue();
    this.io.requireOpen(this.action);
    if (!this.direction.ready) throw this.strayResume();
  }

  private proceed(fiber: FiberCore): boolean {
    const { io, direction } = this;
    while (direction.ready) {
      if (!mayGoOn(SYSTEM_CALL)) {
        io.pause(direction, fiber);
        return false;
      }
      if (this.step()) return true;
    }
    if (fiber.cell !== EMPTY) {
      fiber.takeValue();
      throw this.strayResume();
    }
    io.wait(direction, fiber);
    return false;
  }

  private strayResume(): SystemError {
    return new SystemError("EBUSY", `The fiber was woken by somebody's resume() while it waited to ${this.action} ${this.io.title}`);
  }
}
