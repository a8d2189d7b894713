/**
 * The portable kernel on a host whose time stands still until somebody waits for it: the same from run to run, and quick.
 *
 * All of the kernel is the real one; of its host only the clocks and the sleep are not. So what is said of virtual time on the simulated
 * kernel can be said of this one too. The hands for what only a virtual world has refuse.
 *
 * @module
 */

import { clearImmediate, clearTimeout, setImmediate, setTimeout } from "node:timers";
import type { SimulatedFiles, SimulatedKernel, SimulationOptions, Usec } from "@sd/fibers";
import type { Poller } from "../../../event/kernel/kernel.ts";
import { type Host, realHost } from "../../../event/kernel/portable/host.ts";
import type { PortablePoller } from "../../../event/kernel/portable/poller.ts";
import { PortableKernel } from "../../../event/kernel/portable/portable_kernel.ts";
import { SystemError } from "../../../event/mod.ts";
import { clockNames } from "../../../event/time.ts";

/** So far ahead the kernel sets its timer when it waits for no time at all. Milliseconds. */
const noTime = 0x7fff_ffff;
/** The first handle that the kernel gives. */
const firstHandle = 1 << 20;

/** Something that is to happen. */
interface Appointment {
  readonly at: Usec;
  readonly action: () => void;
}

/** A host whose time a test moves. */
interface MovableHost extends Host {
  mayJump: () => boolean;
  pass(usec: Usec): void;
  setRealtime(usec: Usec): void;
  after(usec: Usec, action: () => void): void;
}

/** The real host: to move time is to sleep. */
function timedHost(): MovableHost {
  return {
    ...realHost,
    mayJump: () => false,
    pass: (usec) => void (usec > 0 && realHost.block(usec / 1_000)),
    setRealtime: () => lacks("a clock of its own"),
    after: () => lacks("appointments"),
  };
}

/** A host whose time goes on where somebody waits for it, and nowhere else. */
class SteppedHost implements MovableHost {
  /** The monotonic clock, in whole microseconds; it starts as that of the simulated kernel does. */
  #usec: Usec = 1_000_000_000;
  #realtimeLead: Usec = 1_699_999_000_000_000;
  readonly #appointments: Appointment[] = [];
  /** Whether time may jump while the thread is the host's. */
  mayJump: () => boolean = () => true;

  /** In the middle of a microsecond, so that no rounding makes it another one. */
  monotonicMilliseconds(): number {
    return (this.#usec + 0.5) / 1_000;
  }

  realtimeMilliseconds(): number {
    return (this.#usec + this.#realtimeLead + 0.5) / 1_000;
  }

  /** It comes when its time may jump, and early when somebody moves time: then the clocks say that it was early. */
  startTimer(callback: () => void, milliseconds: number): () => void {
    if (milliseconds >= noTime) return this.inTurn(() => false, () => {});
    const start = this.#usec;
    const mayJump = () => this.mayJump();
    return this.inTurn(() => milliseconds === 0 || this.#usec > start || mayJump(), () => {
      if (mayJump()) this.passUntil(start + Math.round(milliseconds * 1_000));
      callback();
    });
  }

  inNextTurn(callback: () => void): () => void {
    const immediate = setImmediate(callback);
    return () => clearImmediate(immediate);
  }

  /** As the real one it may stop early: when something happens. */
  block(milliseconds: number): boolean {
    const end = this.#usec + Math.max(Math.round(milliseconds * 1_000), 1);
    this.passUntil(Math.min(end, Math.max(this.#appointments[0]?.at ?? Infinity, this.#usec)));
    return true;
  }

  passUntil(end: Usec): void {
    while (this.#appointments.length > 0 && this.#appointments[0].at <= end) {
      const { at, action } = this.#appointments.shift()!;
      this.#usec = Math.max(this.#usec, at);
      action();
    }
    this.#usec = Math.max(this.#usec, end);
  }

  pass(usec: Usec): void {
    this.passUntil(this.#usec + usec);
  }

  setRealtime(usec: Usec): void {
    this.#realtimeLead = usec - this.#usec;
  }

  after(usec: Usec, action: () => void): void {
    const at = this.#usec + usec;
    const later = this.#appointments.findIndex((each) => each.at > at);
    this.#appointments.splice(later < 0 ? this.#appointments.length : later, 0, { at, action });
  }

  /** Calls back in a turn for timers and sockets, as soon as it may. */
  inTurn(mayCome: () => boolean, callback: () => void): () => void {
    let timer = setTimeout(function come() {
      if (mayCome()) callback();
      else timer = setTimeout(come, 1);
    }, 0);
    return () => clearTimeout(timer);
  }
}

/** See the head of this module. */
class SteppedKernel extends PortableKernel implements SimulatedKernel {
  readonly seed = 0;
  readonly turns: Record<"tasks" | "io", number> = { tasks: 0, io: 0 };
  autoReap = false;
  readonly #host: MovableHost;
  readonly #pollers = new Set<PortablePoller>();
  readonly #autoAdvance: boolean;
  readonly #bootId: Uint8Array | undefined;

  constructor(host: MovableHost, { autoAdvance = true, faults, environment, bootId }: SimulationOptions) {
    if (faults !== undefined || environment !== undefined) lacks("faults and an environment by hand");
    super(host);
    this.#host = host;
    this.#autoAdvance = autoAdvance;
    this.#bootId = bootId;
    host.mayJump = () => this.#autoAdvance && this.hostWaits === 0;
  }

  override openPoller(): Poller {
    const poller = super.openPoller() as PortablePoller;
    this.#pollers.add(poller);
    const close = poller.close.bind(poller);
    poller.close = () => {
      this.#pollers.delete(poller);
      close();
    };
    return poller;
  }

  /** Not the machine's, by which wake-ups would come at other times. */
  override bootId(): Uint8Array | undefined {
    return this.#bootId;
  }

  override turn(kind: "tasks" | "io"): Promise<void> {
    this.turns[kind]++;
    return super.turn(kind);
  }

  advance(usec: Usec): void {
    if (!(usec >= 0 && usec < Infinity)) throw new SystemError("EINVAL", `Cannot advance by '${usec}': time goes forward`);
    this.#host.pass(usec);
  }

  setRealtime(usec: Usec): void {
    this.#host.setRealtime(usec);
  }

  after(usec: Usec, action: () => void): void {
    this.#host.after(usec, action);
  }

  pipe(options?: { capacityBytes?: number }): { reader: number; writer: number } {
    if (options !== undefined) lacks("pipes of another capacity");
    const [reader, writer] = this.openPipe();
    return { reader, writer };
  }

  /** What only its owner can see of it, in the words of the simulated kernel where it is the same. */
  leaks(): string[] {
    const handles = [...this.#openHandles()].map((handle) => `handle ${handle}`);
    const processes = this.runningProcesses === 0 ? [] : [`${this.runningProcesses} processes`];
    return [...handles, ...[...this.#pollers].flatMap(heldBy), ...processes];
  }

  /** The lowest free one is given first: none is open far beyond it. */
  *#openHandles(): Generator<number> {
    for (let handle = firstHandle, free = 0; free < 1_000; handle++) {
      const copy = this.duplicate(handle);
      if (copy < 0) free++;
      else if (this.close(copy) === 0) yield handle;
    }
  }

  get files(): SimulatedFiles {
    return lacks("a file tree of its own");
  }

  socketPair(): never {
    return lacks("socket pairs");
  }

  socket(): never {
    return lacks("sockets that are not connected");
  }

  hostname(): never {
    return lacks("names of its own");
  }

  raise(): never {
    return lacks("signals by hand");
  }

  datagrams(): never {
    return lacks("datagrams to a path");
  }

  pressureFile(): never {
    return lacks("pressure");
  }

  press(): never {
    return lacks("pressure");
  }

  program(): never {
    return lacks("processes by hand");
  }
}

function heldBy(poller: PortablePoller): string[] {
  const who = `poller ${poller.handle}`;
  const armed = [...poller.wakeups.times.entries()].filter(([, usec]) => usec !== Infinity);
  return [
    ...[...poller.watches].map(({ handle, file }) => `watch of ${file.description}, handle ${handle}, by ${who}`),
    ...armed.map(([clock, usec]) => `wake-up at ${usec} on the ${clockNames[clock]} clock, by ${who}`),
    ...[...poller.operations.tokens].map((token) => `operation with token ${token}, by ${who}`),
  ];
}

function lacks(what: string): never {
  throw new SystemError("EOPNOTSUPP", `Cannot try this on the portable kernel: it lacks ${what}`);
}

/** A new portable kernel whose time is stepped. */
export function steppedKernel(options: SimulationOptions = {}): SimulatedKernel {
  return new SteppedKernel(new SteppedHost(), options);
}

/** A new portable kernel whose time is the real one. */
export function timedKernel(): SimulatedKernel {
  return new SteppedKernel(timedHost(), {});
}
