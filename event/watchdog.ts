/**
 * Telling the service manager in time that the loop goes round (sd-event, section 15).
 *
 * A busy loop tells after each quarter of the period, an idle one is woken for it between the half and three quarters. The wake-up goes
 * along with the timers of the monotonic clock, but it makes no source pending.
 *
 * @module
 */

import { check, SystemError } from "./errno.ts";
import type { Kernel } from "./kernel/kernel.ts";
import type { LoopCore } from "./loop_core.ts";
import { ClockIndex, type Usec } from "./time.ts";
import { chooseWakeup } from "./timer_window.ts";

/** The kernel must be polled now and then also where nothing else feeds the loop, but the watchdog is more important than no source. */
const CENSUS_PRIORITY = Number.MAX_SAFE_INTEGER;

/** The greatest number of the C interface, which is "never" there. */
const FOREVER = 0xffff_ffff_ffff_ffffn;

/** Longer than anything runs, and short enough to be added to a time. */
const LONGEST_PERIOD: Usec = 2 ** 52;

/** See the head of this module. */
export class Watchdog {
  readonly #core: LoopCore;
  readonly #period: Usec;
  #lastPing: Usec = 0;

  private constructor(core: LoopCore, period: Usec) {
    this.#core = core;
    this.#period = period;
  }

  /** Tells for the first time and goes on. `undefined`: the service manager does not ask this process for it. */
  static start(core: LoopCore): Watchdog | undefined {
    const period = requestedPeriod(core.kernel);
    if (period === undefined) return undefined;
    check(core.poller.openClock(ClockIndex.monotonic), (code) => `Cannot turn on the watchdog of loop '${core.name}': ${code}`);
    const watchdog = new Watchdog(core, period);
    watchdog.#ping(core.kernel.now(ClockIndex.monotonic));
    core.fed.add(CENSUS_PRIORITY);
    core.touch();
    return watchdog;
  }

  /** Goes on no more. */
  stop(): void {
    this.#core.fed.remove(CENSUS_PRIORITY);
    this.#core.clocks[ClockIndex.monotonic].wakeAlsoAt(Infinity);
    this.#core.touch();
  }

  /** To be called in each wait, after the polling. */
  serve(): void {
    const now = this.#core.stamp(ClockIndex.monotonic);
    if (this.#lastPing + Math.floor(this.#period / 4) <= now) this.#ping(now);
  }

  /** Nobody can do anything about a message that fails. */
  #ping(now: Usec): void {
    const { kernel, perturbation, clocks } = this.#core;
    const path = kernel.environment("NOTIFY_SOCKET");
    if (path !== undefined) kernel.sendDatagram(path, new TextEncoder().encode("WATCHDOG=1"));
    this.#lastPing = now;
    const from = now + Math.floor(this.#period / 2);
    const until = now + Math.floor(this.#period * 3 / 4);
    clocks[ClockIndex.monotonic].wakeAlsoAt(chooseWakeup(from, until, perturbation));
  }
}

/** What the service manager asks for, if it asks this process. */
function requestedPeriod(kernel: Kernel): Usec | undefined {
  const period = readNumber(kernel, "WATCHDOG_USEC");
  if (period === undefined) return undefined;
  if (period === 0n || period >= FOREVER) throw refusal("WATCHDOG_USEC", `${period}`);
  const pid = readNumber(kernel, "WATCHDOG_PID");
  return pid === undefined || pid === BigInt(kernel.pid) ? Math.min(Number(period), LONGEST_PERIOD) : undefined;
}

function readNumber(kernel: Kernel, name: string): bigint | undefined {
  const text = kernel.environment(name);
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) throw refusal(name, text);
  return BigInt(text);
}

function refusal(name: string, value: string): SystemError {
  return new SystemError("EINVAL", `Cannot turn the watchdog on by ${name} '${value}': it takes a whole number above 0`);
}
