/**
 * The loop, as users see it.
 *
 * @module
 */

import { addChild, type ChildCallback, type ChildOptions, type ChildSource, type ChildTarget } from "./child_source.ts";
import { addDefer, type DeferSource } from "./defer_source.ts";
import { loopBlocking, requireUndriven, runBlocking } from "./driver.ts";
import { check, errorCode, SystemError, systemError } from "./errno.ts";
import { type ErrorHandler, printError } from "./error_origin.ts";
import { addExit, type ExitCallback, type ExitSource } from "./exit_source.ts";
import { addInotify, type InotifyCallback, type InotifySource, type InotifyTarget } from "./inotify_source.ts";
import { addIo, type IoCallback, type IoOptions, type IoSource } from "./io_source.ts";
import type { Kernel, PressureResource } from "./kernel/kernel.ts";
import { defaultKernel } from "./kernel/mod.ts";
import { LoopCore } from "./loop_core.ts";
import { ARMED, EXITING, FINISHED, INITIAL, type LoopState, loopStates, PENDING, PREPARING, RUNNING } from "./loop_state.ts";
import { addPost, type PostSource } from "./post_source.ts";
import { addPressure, type PressureSource } from "./pressure_source.ts";
import { addSignal, type SignalCallback, type SignalSource } from "./signal_source.ts";
import type { Signal } from "./signal_names.ts";
import type { LimitedOptions, PlainCallback, QueuedOptions, SourceOptions } from "./source.ts";
import { dispose } from "./source_lifecycle.ts";
import type { Clock, Usec } from "./time.ts";
import { addTime, addTimeRelative, type TimeCallback, type TimeOptions, type TimeSource } from "./time_source.ts";
import { addTimeChange, type TimeChangeSource } from "./time_change_source.ts";
import { clockIndex, requireOptions, requireUsec } from "./validate.ts";
import { Watchdog } from "./watchdog.ts";

/** How a loop is made. */
export interface EventLoopOptions {
  /** What it stands on. Default: Linux where calling libc is permitted already, else the portable kernel. Nobody is prompted. */
  kernel?: Kernel;
  /** For error messages. Default: `"loop"`. */
  name?: string;
  /**
   * When the kernel is asked while something is pending. `"every"`: in each iteration, the letter of the specification. `"batch"`
   * (default): not where nothing that it could report is strictly more important than what is dispatched next, and that was pending
   * already when it was last asked, or last ran before that. This iteration's dispatch is the same under both; an arrival may be noticed later, so that it
   * comes after defer sources and timers of equal priority that became pending meanwhile.
   */
  polling?: "batch" | "every";
  /**
   * Told of every error that has no other way out: a callback that threw, a failed fiber or future that nobody looked at, a fiber stranded at
   * the end. Default: one `console.error` that names the origin. What it throws itself goes to `reportError`.
   */
  onError?: ErrorHandler;
  /**
   * Tells `onError` also of what is allowed, but seldom meant: a fiber that was cancelled, swallowed that, and waits again when nothing else is left to
   * do. Clean-up that waits is such a wait, unless it stands in `shield` or `Scope.defer`, or waits for what it cancelled itself. And
   * gives each of several fibers that are cancelled together an error of its own, with the stack of its wait. Default: `false`.
   */
  debug?: boolean;
}

/** The core of a loop, for the layers above. EINVAL for anything that is no loop. */
export let coreOf: (loop: EventLoop) => LoopCore;

let defaultLoop: EventLoop | undefined;

/**
 * sd_event: one prioritised queue over descriptors, timers, signals, child processes and whatever else a daemon waits for.
 *
 * `loop()`, `run()` and `wait()` return promises and leave the host alive: its promises, timers and sockets go on. `loopSync()`,
 * `runSync()` and `waitSync()` block the thread.
 *
 * @example Two timers and an exit code
 * ```ts
 * import { EventLoop, msec } from "@sd/fibers";
 * import { assertEquals } from "@std/assert";
 *
 * using loop = new EventLoop();
 * const order: string[] = [];
 * const start = loop.now();
 * loop.addTime("monotonic", start + msec(2), () => loop.exit(7), { accuracy: 1 });
 * loop.addTime("monotonic", start + msec(1), () => void order.push("first"), { accuracy: 1 });
 * assertEquals(await loop.loop(), 7);
 * assertEquals(order, ["first"]);
 * ```
 */
export class EventLoop implements Disposable, AsyncDisposable {
  readonly #core: LoopCore;
  #exitOnSignal: SignalSource[] = [];

  static {
    coreOf = (loop) => {
      if (typeof loop === "object" && loop !== null && #core in loop) return loop.#core;
      throw new SystemError("EINVAL", `Cannot use '${String(loop)}' as a loop: it takes an EventLoop`);
    };
  }

  /**
   * Makes a loop.
   *
   * @throws {SystemError} EINVAL for an unknown option, EMFILE and the like.
   */
  constructor(options: EventLoopOptions = {}) {
    requireOptions(options, ["kernel", "name", "polling", "onError", "debug"], "make a loop");
    const { kernel = defaultKernel(), name = "loop", polling = "batch", onError = printError, debug = false } = options;
    if (polling !== "batch" && polling !== "every") {
      throw new SystemError("EINVAL", `Cannot make a loop with polling '${polling}': it takes "batch" or "every"`);
    }
    const poller = kernel.openPoller();
    if (typeof poller === "number") throw systemError(poller, `Cannot make a loop: ${errorCode(-poller)}, the kernel refused a poller`);
    this.#core = new LoopCore(kernel, poller, { name, pollsAlways: polling === "every", onError, debug });
    this.#core.loop = this;
  }

  /** This isolate's default loop, made at the first call and after the previous one was disposed (sd_event_default). */
  static default(): EventLoop {
    return defaultLoop ??= new EventLoop({ name: "default" });
  }

  /** There is a default loop. */
  static get hasDefault(): boolean {
    return defaultLoop !== undefined;
  }

  /** For error messages. */
  get name(): string {
    return this.#core.name;
  }

  /** What it stands on. */
  get kernel(): Kernel {
    return this.#core.kernel;
  }

  /** Where it stands. */
  get state(): LoopState {
    return loopStates[this.#core.state];
  }

  /** A driving call is under way. Until it has ended every other one is EBUSY, whatever `state` reads. */
  get driven(): boolean {
    return this.#core.driven;
  }

  /** Counts the iterations, and the exit sources dispatched. */
  get iteration(): number {
    return this.#core.iteration;
  }

  /** The descriptor by which another loop can wait for this one. Throws EOPNOTSUPP on a kernel that has none. */
  get fd(): number {
    return check(this.#core.poller.handle, () => `Cannot embed loop '${this.name}': its kernel has no descriptor for it`);
  }

  /**
   * The time, read at most once a wait; before the first wait the clock itself.
   *
   * @param clock Default: monotonic. The alarm clocks read as the clocks they are based on.
   * @throws {SystemError} EOPNOTSUPP for an unknown clock.
   */
  now(clock: Clock = "monotonic"): Usec {
    return this.#core.stamp(clockIndex(clock));
  }

  /**
   * By hand: runs the prepare callbacks, and polls once without waiting if something is pending. `false`: nothing is, go on with `wait`.
   *
   * @throws {SystemError} ESTALE when the loop has finished, EBUSY in any state but initial.
   */
  prepare(): boolean {
    this.#requireStep("prepare");
    return this.#core.prepare();
  }

  /**
   * By hand: waits until something is pending. `false`: nothing is, go on with `prepare`.
   *
   * @param timeout Microseconds. Default: Infinity.
   * @throws {SystemError} ESTALE when the loop has finished, EBUSY in any state but armed; rejects with them.
   */
  async wait(timeout: Usec = Infinity): Promise<boolean> {
    requireUsec(timeout, "timeout");
    this.#requireStep("wait for");
    this.#core.require(ARMED, "wait for");
    return await this.#core.driver.drive(() => this.#core.driver.wait(timeout));
  }

  /**
   * By hand: dispatches one source. `false`: the loop has finished.
   *
   * @throws {SystemError} ESTALE when the loop has finished, EBUSY in any state but pending.
   */
  dispatch(): boolean {
    this.#requireStep("dispatch");
    return this.#core.dispatch();
  }

  /**
   * One iteration. `false`: nothing became pending in time.
   *
   * @param timeout Microseconds. Default: Infinity.
   * @throws {SystemError} ESTALE when the loop has finished, EBUSY when it is driven already; rejects with them.
   */
  async run(timeout: Usec = Infinity): Promise<boolean> {
    requireUsec(timeout, "timeout");
    this.#requireStep("run");
    this.#core.require(INITIAL, "run");
    return await this.#core.driver.drive(() => this.#core.driver.run(timeout));
  }

  /**
   * Iterates until the loop has finished, with the host alive.
   *
   * @returns The exit code.
   * @throws {SystemError} EBUSY when it is driven already or has finished; rejects with it.
   */
  async loop(): Promise<number> {
    this.#requireLoop();
    return await this.#core.driver.drive(() => this.#core.driver.loop());
  }

  /**
   * As {@linkcode EventLoop.wait}, blocking the thread.
   *
   * @throws {SystemError} EOPNOTSUPP where the kernel cannot wait for what the loop awaits: without `blocking` among its features it waits for
   * time alone, not for sockets, processes, files, signals, names.
   */
  waitSync(timeout: Usec = Infinity): boolean {
    requireUsec(timeout, "timeout");
    this.#requireStep("wait for");
    this.#core.require(ARMED, "wait for");
    return this.#blocking(() => this.#core.wait(timeout));
  }

  /** As {@linkcode EventLoop.run}, blocking the thread, with the limits of {@linkcode EventLoop.waitSync}. */
  runSync(timeout: Usec = Infinity): boolean {
    requireUsec(timeout, "timeout");
    this.#requireStep("run");
    this.#core.require(INITIAL, "run");
    return this.#blocking(() => runBlocking(this.#core, timeout));
  }

  /** As {@linkcode EventLoop.loop}, blocking the thread, with the limits of {@linkcode EventLoop.waitSync}. */
  loopSync(): number {
    this.#requireLoop();
    return this.#blocking(() => loopBlocking(this.#core));
  }

  /**
   * Asks for exit. From now on only exit sources are dispatched, and fibers are unwound; what runs at the moment is not interrupted.
   *
   * @param code What `loop` will answer. Asking again replaces it. Default: 0.
   * @throws {SystemError} ESTALE when the loop has finished, EINVAL for a code that is no whole number.
   */
  exit(code: number = 0): void {
    if (!Number.isSafeInteger(code)) throw new SystemError("EINVAL", `Cannot exit with code '${code}': it takes a whole number`);
    this.#core.exit(code);
  }

  /** What exit was asked for with; `undefined` until it was. */
  get exitCode(): number | undefined {
    return this.#core.exitRequested ? this.#core.exitCode : undefined;
  }

  /** Exit with code 0 as soon as no source keeps the loop going. Off by default. */
  get exitOnIdle(): boolean {
    return this.#core.exitOnIdle;
  }

  set exitOnIdle(on: boolean) {
    this.#core.exitOnIdle = on;
    this.#core.touch();
  }

  /**
   * SIGINT and SIGTERM ask for exit with code 0 (sd_event_set_signal_exit). Off by default.
   *
   * Setting throws ESTALE when the loop has finished, EBUSY when somebody else receives one of the two; then neither is received.
   */
  get exitOnSignal(): boolean {
    return this.#exitOnSignal.length > 0;
  }

  set exitOnSignal(on: boolean) {
    this.#core.requireLive("set exitOnSignal");
    if (on === this.exitOnSignal) return;
    if (!on) {
      for (const source of this.#exitOnSignal.splice(0)) source[Symbol.dispose]();
      return;
    }
    const first = this.addSignal("SIGINT");
    try {
      this.#exitOnSignal = [first, this.addSignal("SIGTERM")];
    } catch (error) {
      first[Symbol.dispose]();
      throw error;
    }
  }

  /** The loop tells the service manager that it goes round. Off by default. */
  get watchdog(): boolean {
    return this.#core.watchdog !== undefined;
  }

  /**
   * Tells the service manager regularly that the loop goes round (sd_event_set_watchdog), as the variables WATCHDOG_USEC, WATCHDOG_PID and
   * NOTIFY_SOCKET ask for: at once, then four times a period while the loop is busy, twice at the least. Messages that cannot be sent are
   * lost without an error.
   *
   * @returns Whether it is on: `false` also where the service manager does not ask this process for it.
   * @throws {SystemError} EINVAL for a variable that is no number, and for a period of 0; ESTALE when the loop is disposed.
   */
  setWatchdog(on: boolean): boolean {
    const core = this.#core;
    if (core.disposed) throw new SystemError("ESTALE", `Cannot set the watchdog of loop '${this.name}': it is disposed`);
    if (on) return (core.watchdog ??= Watchdog.start(core)) !== undefined;
    core.watchdog?.stop();
    core.watchdog = undefined;
    return false;
  }

  /**
   * Waits for a descriptor (sd_event_add_io).
   *
   * @param fd Watched, not owned, unless `ownsFd` is set. A second source for it in one loop is EEXIST: duplicate it.
   * @param events An `IoEvent` word; ERR and HUP are reported unasked.
   * @param callback Default: exit with code 0.
   * @throws {SystemError} EBADF, EINVAL (events), ESTALE, and what the kernel refuses: EEXIST, EPERM for regular files.
   */
  addIo(fd: number, events: number, callback?: IoCallback | null, options?: IoOptions): IoSource {
    return addIo(this.#core, fd, events, callback, options);
  }

  /**
   * Waits for a time (sd_event_add_time).
   *
   * @param usec When, absolute on the clock; the past is as soon as possible, `Infinity` never.
   * @param callback Default: exit with code 0.
   * @throws {SystemError} EINVAL, ESTALE, EOPNOTSUPP (clock), EPERM (alarm clocks).
   */
  addTime(clock: Clock, usec: Usec, callback?: TimeCallback | null, options?: TimeOptions): TimeSource {
    return addTime(this.#core, clock, usec, callback, options);
  }

  /**
   * Waits for a span from the loop's present, see `now` (sd_event_add_time_relative).
   *
   * @throws {SystemError} EOVERFLOW for `Infinity`, and as {@linkcode EventLoop.addTime}.
   */
  addTimeRelative(clock: Clock, usec: Usec, callback?: TimeCallback | null, options?: TimeOptions): TimeSource {
    return addTimeRelative(this.#core, clock, usec, callback, options);
  }

  /**
   * Waits for somebody to set the realtime clock (event_add_time_change). On until it is disposed.
   *
   * @param callback Default: exit with code 0.
   * @throws {SystemError} ESTALE, and what the kernel refuses.
   */
  addTimeChange(callback?: PlainCallback | null, options?: QueuedOptions): TimeChangeSource {
    return addTimeChange(this.#core, callback, options);
  }

  /**
   * Receives a signal, sent to the process or to any of its threads (sd_event_add_signal). It has no other effect meanwhile, and
   * listeners of the host sleep, but for SIGCHLD.
   *
   * @param callback Default: exit with code 0.
   * @throws {SystemError} ESTALE, EINVAL (not a signal, or one that cannot be caught), EBUSY (received already, by this or another loop).
   */
  addSignal(signal: Signal, callback?: SignalCallback | null, options?: LimitedOptions): SignalSource {
    return addSignal(this.#core, signal, callback, options);
  }

  /**
   * Waits for state changes of a child process (sd_event_add_child). A dead child is reaped after the callback, unless NOWAIT is asked for.
   *
   * @param events A `ChildEvent` word.
   * @param callback Default: exit with code 0.
   * @throws {SystemError} EINVAL, ESTALE, EBUSY (SIGCHLD is ignored, or the process is watched already), ESRCH, ENOTTY, EREMOTE.
   */
  addChild(child: ChildTarget, events: number, callback?: ChildCallback | null, options?: ChildOptions): ChildSource {
    return addChild(this.#core, child, events, callback, options);
  }

  /**
   * Waits for changes of a file, or of what is in a directory (sd_event_add_inotify).
   *
   * Sources of one priority that watch the same file share a watch, and each event goes to all of them before the next one is looked at.
   * What happens while a source is off is lost to it.
   *
   * @param target A path, a `file:` URL, or a descriptor whose file is watched; it stays yours.
   * @param mask A `WatchEvent` word. With `ONESHOT` the source is oneshot unless it is enabled otherwise.
   * @param callback Default: exit with code 0.
   * @throws {SystemError} For a path first what opening it meets: ENOENT, ENOTDIR and the like. EBADF (descriptor), ESTALE, EINVAL (mask),
   * EACCES, EEXIST (`MASK_CREATE`), ENOSPC or EMFILE (limits of the system), EOPNOTSUPP on a kernel without `inotify`.
   *
   * @example Reload when a configuration is replaced
   * ```ts
   * import { EventLoop, simulatedKernel, WatchEvent } from "@sd/fibers";
   * import { assertEquals } from "@std/assert";
   *
   * const kernel = simulatedKernel();
   * kernel.files.mkdir("/etc");
   * using loop = new EventLoop({ kernel });
   * const changed: (string | undefined)[] = [];
   * loop.addInotify("/etc", WatchEvent.MOVED_TO | WatchEvent.ONLYDIR, ({ name }) => {
   *   changed.push(name);
   *   loop.exit();
   * });
   * kernel.files.write("/etc/demo.conf.new");
   * kernel.files.rename("/etc/demo.conf.new", "/etc/demo.conf");
   * await loop.loop();
   * assertEquals(changed, ["demo.conf"]);
   * ```
   */
  addInotify(
    target: InotifyTarget,
    mask: number,
    callback?: InotifyCallback | null,
    options?: LimitedOptions,
  ): InotifySource {
    return addInotify(this.#core, target, mask, callback, options);
  }

  /**
   * Runs as soon as its priority allows, never inline (sd_event_add_defer). Oneshot unless enabled as `"on"`.
   *
   * @param callback Default: exit with code 0.
   * @throws {SystemError} ESTALE.
   */
  addDefer(callback?: PlainCallback | null, options?: LimitedOptions): DeferSource {
    return addDefer(this.#core, callback, options);
  }

  /**
   * Runs after sources of other types have been dispatched (sd_event_add_post).
   *
   * @param callback Default: exit with code 0.
   * @throws {SystemError} ESTALE.
   */
  addPost(callback?: PlainCallback | null, options?: QueuedOptions): PostSource {
    return addPost(this.#core, callback, options);
  }

  /**
   * Waits for pressure on memory, processors or disks (sd_event_add_memory_pressure and its kin): where the service manager says, by the
   * variables MEMORY_PRESSURE_WATCH and MEMORY_PRESSURE_WRITE and their kin, else as the system tells of it.
   *
   * @param callback Default: nothing.
   * @throws {SystemError} ESTALE, EHOSTDOWN (the service manager turned it off), EBADMSG (its path is not absolute), EINVAL (resource; what to
   * write is no Base64), EOPNOTSUPP, ENOENT, EISDIR, EBADF and ENOTTY (not what tells of pressure), and what the kernel refuses.
   *
   * @example Give memory back before it runs short
   * ```ts
   * import { EventLoop, msec, sec, simulatedKernel } from "@sd/fibers";
   * import { assertEquals } from "@std/assert";
   *
   * const kernel = simulatedKernel();
   * using loop = new EventLoop({ kernel });
   * const cache = new Map([["key", "value"]]);
   * using pressure = loop.addPressure("memory", () => {
   *   cache.clear();
   *   loop.exit();
   * });
   * pressure.setPeriod(msec(100), sec(2));
   * kernel.after(sec(1), () => kernel.press("memory", { stallUsec: msec(150) }));
   * await loop.loop();
   * assertEquals(cache.size, 0);
   * ```
   */
  addPressure(resource: PressureResource, callback?: PlainCallback | null, options?: LimitedOptions): PressureSource {
    return addPressure(this.#core, resource, callback, options);
  }

  /**
   * Runs when the loop exits (sd_event_add_exit).
   *
   * @throws {SystemError} EINVAL (no callback), ESTALE.
   */
  addExit(callback: ExitCallback, options?: SourceOptions): ExitSource {
    return addExit(this.#core, callback, options);
  }

  /**
   * Disconnects and destroys every source, and closes every descriptor of the loop's own. Fibers that have not ended are reported by name.
   *
   * @throws {SystemError} EBUSY while it is driven, from inside its own callbacks too: ask for exit instead.
   */
  [Symbol.dispose](): void {
    const core = this.#core;
    if (core.disposed) return;
    this.#requireDisposable();
    core.disposed = true;
    if (core.state !== FINISHED) core.finish();
    while (core.sources.first !== undefined) dispose(core, core.sources.first);
    core.poller.close();
    if (defaultLoop === this) defaultLoop = undefined;
  }

  /** Asks for exit, drives the loop to its end and disposes it: fibers are unwound. */
  async [Symbol.asyncDispose](): Promise<void> {
    const core = this.#core;
    if (core.disposed) return;
    this.#requireDisposable();
    if (core.state !== FINISHED) {
      core.exit(core.exitRequested ? core.exitCode : 0);
      if (core.state === ARMED) await this.wait(0);
      if (core.state === PENDING) this.dispatch();
      if (core.state !== FINISHED) await this.loop();
    }
    this[Symbol.dispose]();
  }

  #requireDisposable(): void {
    const { driven, state } = this.#core;
    if (driven || state === RUNNING || state === EXITING || state === PREPARING) {
      throw new SystemError("EBUSY", `Cannot dispose loop '${this.name}' while it is driven: ask for exit instead`);
    }
  }

  #requireStep(action: string): void {
    if (this.#core.state === FINISHED) this.#core.require(INITIAL, action);
    requireUndriven(this.#core, action);
  }

  #requireLoop(): void {
    const core = this.#core;
    if (core.state === FINISHED) throw new SystemError("EBUSY", `Cannot drive loop '${this.name}': it has finished`);
    requireUndriven(core, "drive");
    core.require(INITIAL, "drive");
  }

  #blocking<T>(body: () => T): T {
    const core = this.#core;
    core.driven = core.blocking = true;
    try {
      return body();
    } finally {
      core.driven = core.blocking = false;
    }
  }
}
