/**
 * Waiting for several descriptors at once (sd-future, section 15.3).
 *
 * A poller of its own watches them, and the fiber waits for that poller: one registration with the loop however many descriptors there are.
 *
 * @module
 */

import { check, errorCode, SystemError, systemError } from "../event/errno.ts";
import { IoEvent } from "../event/flags.ts";
import type { Poller } from "../event/kernel/kernel.ts";
import { ClockIndex, type Usec } from "../event/time.ts";
import { later } from "../event/time_source.ts";
import { requireFd, requireUsec } from "../event/validate.ts";
import { type CurrentFiber, TIMEOUT } from "../future/current.ts";
import { PassingIo } from "./borrowed_io.ts";
import { type StreamIo, StreamOperation } from "./stream_io.ts";

const EPERM = -1;
const EINTR = -4;

const { IN, OUT, PRI, ERR, HUP, RDHUP } = IoEvent;
const UNASKED = ERR | HUP;
const ALLOWED = IN | OUT | PRI | RDHUP | UNASKED;

/** A descriptor to wait for. */
export interface PollEntry {
  /** The descriptor; a negative one is passed over. */
  fd: number;
  /** An `IoEvent` word. */
  events: number;
  /** Filled in: what it is ready for, an `IoEvent` word; 0 for nothing. */
  revents?: number;
}

/** One descriptor, of one or several entries. */
interface Watched {
  events: number;
  revents: number;
  /** It cannot be waited for, because it never makes one wait. */
  isAlwaysReady: boolean;
}

/** The poller that watches the descriptors. */
class PollerIo extends PassingIo {
  readonly watched: Map<number, Watched>;
  readonly #timeout: Usec;
  #poller!: Poller;

  constructor(watched: Map<number, Watched>, timeout: Usec) {
    super(-1, "several descriptors");
    this.watched = watched;
    this.#timeout = timeout;
  }

  override begin(): void {
    const poller = this.core.kernel.openPoller();
    if (typeof poller === "number") throw systemError(poller, `Cannot poll: ${errorCode(-poller)}`);
    this.#poller = poller;
    try {
      this.watchAll();
      if (this.#timeout === 0) return;
      this.handle = check(poller.handle, (code) => `Cannot poll on the ${this.core.kernel.name} kernel: ${code}`);
      if (this.#timeout === Infinity) return;
      const time = later(this.core, ClockIndex.monotonic, this.#timeout);
      check(poller.setWakeup(ClockIndex.monotonic, time), (code) => `Cannot poll until '${time}': ${code}`);
    } catch (error) {
      poller.close();
      throw error;
    }
  }

  private watchAll(): void {
    let token = 0;
    for (const [fd, watched] of this.watched) {
      const result = this.#poller.watch(fd, watched.events, false, token++);
      watched.isAlwaysReady = result === EPERM;
      if (result !== EPERM) check(result, (code) => `Cannot poll fd ${fd}: ${code}`, "epoll_ctl");
    }
  }

  override closeHandle(): void {
    this.#poller.close();
  }

  get timedOut(): boolean {
    return this.#timeout === 0 || this.#poller.clocksFired !== 0;
  }

  /** Looks at all of them without waiting. */
  sweep(): void {
    const all = [...this.watched.values()];
    for (const watched of all) watched.revents = watched.isAlwaysReady ? watched.events & (IN | OUT) : 0;
    const poller = this.#poller;
    for (;;) {
      const capacity = poller.readyTokens.length;
      const count = poller.poll(0);
      if (count === EINTR) continue;
      check(count, (code) => `Cannot poll: ${code}`);
      for (let i = 0; i < count; i++) all[poller.readyTokens[i]].revents |= poller.readyEvents[i];
      if (count < capacity) return;
    }
  }
}

/** What a descriptor is ready for now; 0 for nothing. Throws what the kernel refuses. */
export function pollNow(fiber: CurrentFiber, { fd, events }: PollEntry): number {
  const watched = watchedOf([{ fd, events }]);
  const io = new PollerIo(watched, 0);
  io.requireFree(fiber);
  io.begin();
  try {
    io.sweep();
    return watched.get(fd)!.revents & (events | UNASKED);
  } finally {
    io.end();
  }
}

/** See `poll` of the entry. */
export class PollOperation extends StreamOperation<number> {
  declare protected readonly io: PollerIo;
  readonly #entries: readonly PollEntry[];

  constructor(entries: readonly PollEntry[], timeout: Usec) {
    const io = new PollerIo(watchedOf(entries), requireUsec(timeout, "timeout"));
    super(io, io.input);
    this.#entries = entries;
    if (timeout === Infinity && [...io.watched.values()].every(({ events }) => events === 0)) {
      throw new SystemError("EINVAL", "Cannot poll nothing without a timeout: it would never end");
    }
  }

  protected override get action(): string {
    return "poll";
  }

  /** What the fiber waits by: closing it ends the wait. */
  get waitsBy(): StreamIo {
    return this.io;
  }

  protected override step(): boolean {
    const count = this.sweep();
    if (count === 0 && !this.io.timedOut) return this.direction.ready = false;
    this.value = count;
    return true;
  }

  /** A descriptor that is ready goes before a deadline that has passed, which then comes at the next suspension. */
  protected override requireCause(fiber: CurrentFiber): void {
    if (fiber.cell === TIMEOUT && this.sweep() > 0) this.direction.ready = true;
    else super.requireCause(fiber);
  }

  /** Fills the entries in: how many have something. */
  private sweep(): number {
    const { watched } = this.io;
    this.io.sweep();
    let count = 0;
    for (const entry of this.#entries) {
      entry.revents = entry.fd < 0 ? 0 : watched.get(entry.fd)!.revents & (entry.events | UNASKED);
      if (entry.revents !== 0) count++;
    }
    return count;
  }
}

/** What a descriptor can be waited for; EINVAL for anything else. */
export function requireEvents(events: number, action: string): number {
  if (Number.isInteger(events) && (events & ~ALLOWED) === 0) return events;
  throw new SystemError("EINVAL", `Cannot ${action} for events '${events}': it takes a word of IoEvent flags without ET`);
}

function watchedOf(entries: readonly PollEntry[]): Map<number, Watched> {
  const all = new Map<number, Watched>();
  for (const { fd, events } of entries) {
    requireEvents(events, `poll fd ${fd}`);
    if (Number.isInteger(fd) && fd < 0) continue;
    const watched = all.get(requireFd(fd, "poll"));
    if (watched === undefined) all.set(fd, { events, revents: 0, isAlwaysReady: false });
    else watched.events |= events;
  }
  return all;
}
