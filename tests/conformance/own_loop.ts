/**
 * This package's loop, behind the interface of both.
 *
 * @module
 */

import {
  type Enabled,
  EventLoop,
  type IoSource,
  type LimitedSource,
  linuxKernel,
  type QueuedSource,
  type Source,
} from "../../event/mod.ts";
import { SystemError, type TimeSource } from "../../event/mod.ts";
import { errorCode } from "../../event/errno.ts";
import { loopStates } from "../../event/loop_state.ts";
import { clockNames } from "../../event/time.ts";
import { ENODATA, type Listener, type SourcePlan, type Subject } from "./subject.ts";

const enabledNames: Record<number, Enabled> = { [0]: "off", [1]: "on", [-1]: "oneshot" };

/** A failure that a script asks for. */
class ScriptedError extends SystemError {}

/** The result of a callback: what is negative has to be thrown here. */
function settle(result: number): void {
  if (result < 0) throw new ScriptedError(errorCode(-result));
}

/** What an action came to: a number, or the errno of what it threw. */
function resultOf(action: () => unknown): number {
  try {
    return Number(action() ?? 0);
  } catch (error) {
    if (error instanceof SystemError) return -error.errno;
    throw error;
  }
}

/** One of this package's loops, on Linux, which polls as often as the specification says. */
export class OwnLoop implements Subject {
  readonly #listener: Listener;
  readonly #loop: EventLoop;
  readonly #sources = new Map<number, Source>();

  constructor(listener: Listener) {
    this.#listener = listener;
    this.#loop = new EventLoop({
      kernel: linuxKernel(),
      polling: "every",
      onError: (error) => error instanceof ScriptedError || listener.unexpected(error),
    });
  }

  prepare(): number {
    return resultOf(() => this.#loop.prepare());
  }

  wait(): number {
    return resultOf(() => this.#loop.waitSync(0));
  }

  dispatch(): number {
    return resultOf(() => this.#loop.dispatch());
  }

  run(): number {
    return resultOf(() => this.#loop.runSync(0));
  }

  loop(): number {
    return resultOf(() => this.#loop.loopSync());
  }

  exit(code: number): number {
    return resultOf(() => this.#loop.exit(code));
  }

  state(): number {
    return loopStates.indexOf(this.#loop.state);
  }

  iteration(): number {
    return this.#loop.iteration;
  }

  exitCode(): number | undefined {
    return this.#loop.exitCode;
  }

  close(): void {
    for (const source of this.#sources.keys()) this.dispose(source);
    this.#loop[Symbol.dispose]();
  }

  add(source: number, plan: SourcePlan): number {
    return resultOf(() => {
      const added = this.#add(source, plan);
      this.#sources.set(source, added);
      if (plan.hasCallback) added.onDestroy = () => this.#listener.destroyed(source);
    });
  }

  #add(source: number, plan: SourcePlan): Source {
    const loop = this.#loop;
    const called = (told: number) => settle(this.#listener.main(source, told));
    const plain = plan.hasCallback ? () => called(0) : null;
    switch (plan.type) {
      case "io":
        return loop.addIo(plan.fd, plan.events, plan.hasCallback ? called : null);
      case "time": {
        const { usec, accuracy } = plan;
        const callback = plan.hasCallback ? called : null;
        const clock = clockNames[plan.clock];
        return plan.relative
          ? loop.addTimeRelative(clock, usec, callback, { accuracy })
          : loop.addTime(clock, usec, callback, { accuracy });
      }
      case "signal":
        return loop.addSignal(plan.signal, plan.hasCallback ? ({ signal }) => called(signal) : null);
      case "defer":
        return loop.addDefer(plain);
      case "post":
        return loop.addPost(plain);
      case "exit":
        return loop.addExit(plain as () => void);
    }
  }

  dispose(source: number): void {
    const gone = this.#at(source);
    this.#sources.delete(source);
    gone[Symbol.dispose]();
  }

  setEnabled(source: number, value: number): number {
    return resultOf(() => void (this.#at(source).enabled = enabledNames[value]));
  }

  setPriority(source: number, value: number): number {
    return resultOf(() => void (this.#at(source).priority = value));
  }

  setPrepare(source: number, on: boolean): number {
    const prepare = on ? () => settle(this.#listener.prepare(source)) : undefined;
    return resultOf(() => void (this.#at<QueuedSource>(source).prepare = prepare));
  }

  setExitOnFailure(source: number, on: boolean): number {
    return resultOf(() => void (this.#at<QueuedSource>(source).exitOnFailure = on));
  }

  setRateLimit(source: number, interval: number, burst: number): number {
    return resultOf(() => void (this.#at<LimitedSource>(source).rateLimit = { interval, burst }));
  }

  leaveRateLimit(source: number): number {
    return resultOf(() => this.#at<LimitedSource>(source).leaveRateLimit());
  }

  setTime(source: number, usec: number): number {
    return resultOf(() => void (this.#at<TimeSource>(source).usec = usec));
  }

  setTimeRelative(source: number, usec: number): number {
    return resultOf(() => this.#at<TimeSource>(source).setRelative(usec));
  }

  setAccuracy(source: number, usec: number): number {
    return resultOf(() => void (this.#at<TimeSource>(source).accuracy = usec));
  }

  setEvents(source: number, events: number): number {
    return resultOf(() => void (this.#at<IoSource>(source).events = events));
  }

  setFd(source: number, fd: number): number {
    return resultOf(() => void (this.#at<IoSource>(source).fd = fd));
  }

  enabled(source: number): number {
    const { enabled } = this.#at(source);
    return enabled === "off" ? 0 : enabled === "on" ? 1 : -1;
  }

  priority(source: number): number {
    return this.#at(source).priority;
  }

  pending(source: number): number {
    return Number(this.#at<QueuedSource>(source).pending);
  }

  rateLimited(source: number): number {
    return Number(this.#at<LimitedSource>(source).rateLimited ?? false);
  }

  revents(source: number): number {
    return this.#at<IoSource>(source).revents ?? ENODATA;
  }

  #at<S extends Source>(source: number): S {
    return this.#sources.get(source) as S;
  }
}
