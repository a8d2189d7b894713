/**
 * Sources that wait for pressure on memory, processors or disks (sd-event, section 9.9).
 *
 * What a source wants to be told of is written to the pressure file in the first prepare after it was made, so that level and period can
 * be set before, and only when all of it is written the file is watched: the system's own files want it in this order.
 *
 * @module
 */

import { check, Errno, SystemError } from "./errno.ts";
import { IoEvent } from "./flags.ts";
import type { PressureResource } from "./kernel/kernel.ts";
import type { LoopCore } from "./loop_core.ts";
import { INITIAL } from "./loop_state.ts";
import { openPressurePlace, type PressurePlace } from "./pressure_place.ts";
import type { LimitedOptions, LimitedSource, PlainCallback } from "./source.ts";
import { LimitedHandle, nodeOf } from "./source_handle.ts";
import { SourceKind } from "./source_kind.ts";
import { setEnabled, setPending } from "./source_lifecycle.ts";
import { OFF, type SourceNode } from "./source_node.ts";
import type { Usec } from "./time.ts";
import { limitedOptions, requireCallback, requireOptions, requireUsec } from "./validate.ts";
import { Watch } from "./watch_table.ts";

/** Waits for pressure: that work stands still for want of a resource. */
export interface PressureSource extends LimitedSource {
  /** `"memory-pressure"`, `"cpu-pressure"` or `"io-pressure"`. */
  readonly type: `${PressureResource}-pressure`;
  /** What there is too little of. */
  readonly resource: PressureResource;
  /**
   * Whether it is enough that some of what could run stands still, or all has to. Default: `"some"`.
   *
   * Setting throws EINVAL, ESTALE when it is disposed, EBUSY once it was written to the pressure file, which the first `prepare` does, and
   * where the service manager says what to watch.
   */
  level: "some" | "full";
  /**
   * Sets for how long, within which window, work has to stand still, in microseconds. Default: 200 ms in 2 s. What the system does not
   * take turns the source off when it is written; Linux takes windows from 500 ms to 10 s, from the unprivileged multiples of 2 s.
   *
   * @returns Whether that is another period than before.
   * @throws {SystemError} EINVAL for what is no time, ERANGE for 0 and `Infinity`, EINVAL for a threshold above the window, and ESTALE and
   * EBUSY as setting `level`.
   */
  setPeriod(threshold: Usec, window: Usec): boolean;
}

const { IN, OUT, PRI, ERR, HUP, RDHUP } = IoEvent;
const levels: readonly unknown[] = ["some", "full"];

/** What comes from a FIFO or a socket says nothing but that it came. One read a dispatch. */
const discarded = new Uint8Array(4_096);

const resources: readonly PressureResource[] = ["memory", "cpu", "io"];

/** One kind a resource, all with the same functions. */
const kinds: Partial<Record<PressureResource, SourceKind>> = {};

function makeKind(resource: PressureResource): SourceKind {
  return new SourceKind({
    name: `${resource}-pressure`,
    kernelFed: true,
    rateLimitable: true,
    invoke(node) {
      const handle = node.owner as PressureHandle;
      return handle.callback(handle);
    },
    goOnline: (node) => (node.owner as PressureHandle).register(node.core!),
    modeChanged: (node) => (node.owner as PressureHandle).register(node.core!),
    goOffline: (node) => node.core!.watches.unregister((node.owner as PressureHandle).watch),
    ready(node, events) {
      const handle = node.owner as PressureHandle;
      handle.stored = node.isPending ? handle.stored | events : events;
      setPending(node.core!, node);
    },
    beforeDispatch: (node) => (node.owner as PressureHandle).admit(node, node.core!),
    disconnect: (node) => void node.core!.unwritten.delete((node.owner as PressureHandle).configure),
    release: (node) => (node.owner as PressureHandle).close(),
  });
}

class PressureHandle extends LimitedHandle implements PressureSource {
  declare readonly node: SourceNode;
  declare readonly resource: PressureResource;
  declare readonly callback: (source: PressureSource) => unknown;
  declare readonly watch: Watch;
  /** What it was reported ready for. */
  stored: number = 0;
  readonly #kernel: LoopCore["kernel"];
  /** What it reports when there is pressure. */
  readonly #events: number;
  #level: "some" | "full" = "some";
  #threshold: Usec = 200_000;
  #window: Usec = 2_000_000;
  /** Level and period are the service manager's, or written already. */
  #isLocked: boolean;
  /** What is still to be written. */
  #rest: Uint8Array;

  constructor(
    core: LoopCore,
    resource: PressureResource,
    place: PressurePlace,
    callback: PlainCallback | null | undefined,
    options: LimitedOptions | undefined,
  ) {
    super();
    this.node = nodeOf(core, kinds[resource] ??= makeKind(resource), this, "on", options);
    this.resource = resource;
    this.callback = callback ?? (() => {});
    this.watch = new Watch(this.node, place.handle, place.events);
    this.#kernel = core.kernel;
    this.#events = place.events;
    this.#isLocked = place.configuration !== undefined;
    this.#rest = place.configuration ?? this.#compose();
    this.connectWith(core, options, `watch ${resource} pressure`);
    if (this.#rest.length > 0) core.unwritten.add(this.configure);
  }

  /** As the system's pressure files want it, the 0 that ends it included. */
  #compose(): Uint8Array {
    return new TextEncoder().encode(`${this.#level} ${this.#threshold} ${this.#window}\0`);
  }

  get level(): "some" | "full" {
    return this.#level;
  }

  set level(level: "some" | "full") {
    if (!levels.includes(level)) {
      throw new SystemError("EINVAL", `Cannot set the level of ${this.title} to '${level}': it takes "some" or "full"`);
    }
    this.#requireUnlocked("level");
    this.#level = level;
    this.#rest = this.#compose();
  }

  setPeriod(threshold: Usec, window: Usec): boolean {
    for (const span of [requireUsec(threshold, "threshold"), requireUsec(window, "window")]) {
      if (span > 0 && span < Infinity) continue;
      throw new SystemError(
        "ERANGE",
        `Cannot set the period of ${this.title} with a span of '${span}': it takes from 1 us up to less than Infinity`,
      );
    }
    if (threshold > window) {
      throw new SystemError("EINVAL", `Cannot set the threshold of ${this.title} to '${threshold}': the window has only ${window} us`);
    }
    this.#requireUnlocked("period");
    if (threshold === this.#threshold && window === this.#window) return false;
    this.#threshold = threshold;
    this.#window = window;
    this.#rest = this.#compose();
    return true;
  }

  #requireUnlocked(what: string): void {
    const action = `Cannot set the ${what} of ${this.title}`;
    if (this.node.core === undefined) throw new SystemError("ESTALE", `${action}: it is disposed`);
    if (this.#isLocked) throw new SystemError("EBUSY", `${action}: it is fixed already, set it before the loop first prepares`);
  }

  /** Watches it, unless something has to be written first. */
  register(core: LoopCore): number {
    if (this.watch.token >= 0 || this.#rest.length === 0) return core.watches.register(this.watch);
    core.unwritten.add(this.configure);
    return 0;
  }

  /** Called by the loop, once, before it arms its clocks. */
  readonly configure = (): void => {
    const { node } = this;
    const core = node.core!;
    core.unwritten.delete(this.configure);
    this.#isLocked = true;
    if (this.#write(core) && node.online) this.#watchOn(core);
  };

  /** Writes what it can. `false`: it never will, and the source is off. */
  #write(core: LoopCore): boolean {
    const count = this.#kernel.tryWrite(this.watch.handle, this.#rest);
    if (count < 0 && !isTransient(count)) {
      setEnabled(core, this.node, OFF);
      return false;
    }
    this.#rest = this.#rest.subarray(Math.max(count, 0));
    return true;
  }

  /** Watches it for what is to come next: as long as something is left to write, for room as well. */
  #watchOn(core: LoopCore): void {
    this.watch.events = this.#rest.length > 0 ? this.#events | OUT : this.#events;
    this.#check(core, core.watches.register(this.watch), "watch");
  }

  /** Whether to call back: there may be nothing but room to go on writing, or an error. */
  admit(node: SourceNode, core: LoopCore): boolean {
    if (this.#rest.length > 0 && !this.#goOnWriting(core)) return false;
    if ((this.stored & (IN | PRI)) !== 0) {
      if ((this.stored & IN) !== 0) this.#discard(core);
      return true;
    }
    if ((this.stored & (HUP | ERR | RDHUP)) === 0) this.#watchOn(core);
    else core.fail(node, new SystemError("EIO", `Cannot go on with ${this.title}: what tells of pressure has an error or is gone`));
    return false;
  }

  /** `false`: that was all for now, because some is written and some is left, or none ever will be. */
  #goOnWriting(core: LoopCore): boolean {
    const before = this.#rest.length;
    if (!this.#write(core)) return false;
    if (this.#rest.length === before) return true;
    this.#watchOn(core);
    return this.#rest.length === 0;
  }

  #discard(core: LoopCore): void {
    const count = this.#kernel.tryRead(this.watch.handle, discarded);
    if (!isTransient(count)) this.#check(core, count, "read from");
  }

  /** Throws out of `prepare` or `dispatch`. */
  #check(core: LoopCore, result: number, action: string): void {
    if (result < 0) core.state = INITIAL;
    check(result, (code) => `Cannot ${action} ${this.title}: ${code}`);
  }

  close(): void {
    this.#kernel.close(this.watch.handle);
  }

  override get type(): `${PressureResource}-pressure` {
    return `${this.resource}-pressure`;
  }
}

function isTransient(result: number): boolean {
  return result === -Errno.EAGAIN || result === -Errno.EINTR;
}

/** See `EventLoop.addPressure`. */
export function addPressure(
  core: LoopCore,
  resource: PressureResource,
  callback?: PlainCallback | null,
  options?: LimitedOptions,
): PressureSource {
  if (!resources.includes(resource)) {
    throw new SystemError("EINVAL", `Cannot watch the pressure on '${resource}': it takes ${resources.join(", ")}`);
  }
  const action = `watch ${resource} pressure`;
  requireCallback(callback, action);
  requireOptions(options, limitedOptions, action);
  core.requireLive(action);
  const place = openPressurePlace(core.kernel, resource);
  try {
    return new PressureHandle(core, resource, place, callback, options);
  } catch (error) {
    core.kernel.close(place.handle);
    throw error;
  }
}
