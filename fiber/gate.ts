/**
 * Open or closed.
 *
 * @module
 */

import type { LoopCore } from "../event/loop_core.ts";
import { type Future, newFutureOf } from "../future/future.ts";
import { currentCore } from "./fiber.ts";
import { disposed, type PrimitiveOptions, titleOf } from "./primitive.ts";
import { type SelectableOperation, waitFutureCore, WaitOperation } from "./wait_operation.ts";
import { WAIT, WaitQueue } from "./wait_queue.ts";

/** How a gate is made. */
export interface GateOptions extends PrimitiveOptions {
  /** Default: `false`. */
  open?: boolean;
}

/** What a gate tells of itself. */
export interface GateStatistics {
  /** Whoever comes passes. */
  readonly isOpen: boolean;
  /** How many wait. */
  readonly waiters: number;
  /** The most that ever waited at once. */
  readonly mostWaiters: number;
}

/**
 * Open or closed; whoever passes waits while it is closed.
 *
 * Opening lets all who wait pass, in the order in which they came, and also if it is closed again before they run.
 *
 * @example Everybody waits for the configuration
 * ```ts
 * import { Gate, run, spawn } from "@sd/fibers";
 * import { assertEquals } from "@std/assert";
 *
 * const log: string[] = [];
 * await run(function* () {
 *   const configured = new Gate();
 *   const worker = spawn(function* () {
 *     yield* configured.pass();
 *     log.push("working");
 *   });
 *   log.push("configured");
 *   configured.open();
 *   yield* worker;
 * });
 * assertEquals(log, ["configured", "working"]);
 * ```
 */
export class Gate implements Disposable {
  readonly #queue: WaitQueue<void, void>;
  #isOpen: boolean;

  /**
   * Makes one, closed unless the options say otherwise.
   *
   * @throws {SystemError} EINVAL for an unknown option.
   */
  constructor(options: GateOptions = {}) {
    const title = titleOf("gate", options, ["open"]);
    const core: LoopCore = currentCore(options.loop);
    this.#isOpen = options.open ?? false;
    this.#queue = new WaitQueue<void, void>(core, { attempt: () => this.#isOpen ? undefined : WAIT }, { title });
  }

  /** Whoever comes passes. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /**
   * Lets all who wait pass, and all who come.
   *
   * @throws {SystemError} EPIPE when it was disposed.
   */
  open(): void {
    this.#queue.requireOpen();
    this.#isOpen = true;
    this.#queue.unparkAll();
  }

  /**
   * Whoever comes from now on waits.
   *
   * @throws {SystemError} EPIPE when it was disposed.
   */
  close(): void {
    this.#queue.requireOpen();
    this.#isOpen = false;
  }

  /**
   * Passes. Suspends only while it is closed, and where it is always open now and then, to let others run.
   *
   * Interrupted, the fiber has left the queue. If the gate was opened before it ran again, it has passed, and the interruption comes at the
   * next suspension.
   *
   * @throws {CancelledError} When the fiber is cancelled.
   * @throws {TimeoutError} When a deadline of the fiber passes.
   * @throws {SystemError} ESRCH off a fiber; EPIPE when it was disposed; EINVAL on another loop's fiber; EBUSY when somebody's `resume` woke the
   * fiber.
   */
  pass(): SelectableOperation<void> {
    return new WaitOperation<void, void>(this.#queue, undefined);
  }

  /**
   * Passes by a future: for callbacks and async code. Cancelled while it waits, it has left the queue.
   *
   * @throws {SystemError} EPIPE when it was disposed; a pending future is rejected with it.
   */
  passFuture(): Future<void> {
    return newFutureOf<void>(waitFutureCore(this.#queue, undefined));
  }

  /** What it is at now. */
  statistics(): GateStatistics {
    return { isOpen: this.#isOpen, waiters: this.#queue.size, mostWaiters: this.#queue.mostWaiters };
  }

  /** All who wait get EPIPE, as whoever comes later. */
  [Symbol.dispose](): void {
    this.#queue.close(disposed(this.#queue.title));
  }
}
