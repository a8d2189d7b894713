/**
 * One source of each type, for what holds for all of them.
 *
 * @module
 */

import { ChildEvent, type Clock, IoEvent, type LimitedOptions, type QueuedSource, type SourceOptions, WatchEvent } from "@sd/fibers";
import type { Trial } from "./_trial.ts";

/** A source with what makes it pending. */
export interface Made {
  readonly source: QueuedSource;
  /** Lets happen what it waits for; the next wait finds it. */
  happen(): void;
}

/** How to make a source of one type. */
export interface Maker {
  readonly name: string;
  /** It takes a rate limit. */
  readonly limited: boolean;
  /** What it waits for stays until it is dealt with. */
  readonly level: boolean;
  /** What `enabled` is when nothing is said. */
  readonly enabled: "on" | "oneshot";
  make(trial: Trial, callback?: (() => void) | null, options?: LimitedOptions): Made;
}

function timer(clock: Clock): Maker {
  return {
    name: clock,
    limited: true,
    level: true,
    enabled: "oneshot",
    make: ({ loop, kernel }, callback, options) => ({
      source: loop.addTimeRelative(clock, 10, callback, { accuracy: 1, ...options }),
      happen: () => kernel.advance(10),
    }),
  };
}

/** All that can become pending, but defer sources, which always are, and pressure sources, which a prepare has to come before. */
export const makers: readonly Maker[] = [
  {
    name: "io",
    limited: true,
    level: true,
    enabled: "on",
    make(trial, callback, options) {
      const { reader, writer } = trial.pipe();
      return { source: trial.loop.addIo(reader, IoEvent.IN, callback, options), happen: () => void trial.write(writer, "x") };
    },
  },
  timer("monotonic"),
  timer("realtime"),
  timer("boottime"),
  timer("realtime-alarm"),
  timer("boottime-alarm"),
  {
    name: "signal",
    limited: true,
    level: false,
    enabled: "on",
    make: ({ loop, kernel }, callback, options) => ({
      source: loop.addSignal("SIGUSR1", callback, options),
      happen: () => kernel.raise("SIGUSR1"),
    }),
  },
  {
    name: "child",
    limited: false,
    level: true,
    enabled: "oneshot",
    make(trial, callback, options) {
      const { pid, handle } = trial.spawnProcess();
      return {
        source: trial.loop.addChild(pid, ChildEvent.EXITED, callback, options),
        happen: () => void trial.kernel.signalProcess(handle, 9, undefined),
      };
    },
  },
  {
    name: "child that may stop",
    limited: false,
    level: false,
    enabled: "oneshot",
    make(trial, callback, options) {
      const { pid, handle } = trial.spawnProcess();
      return {
        source: trial.loop.addChild(pid, ChildEvent.STOPPED | ChildEvent.EXITED, callback, options),
        happen: () => void trial.kernel.signalProcess(handle, 19, undefined),
      };
    },
  },
  {
    name: "inotify",
    limited: true,
    level: false,
    enabled: "on",
    make({ loop, kernel: { files } }, callback, options) {
      files.write("/watched");
      return { source: loop.addInotify("/watched", WatchEvent.MODIFY, callback, options), happen: () => files.write("/watched") };
    },
  },
  {
    name: "time-change",
    limited: false,
    level: true,
    enabled: "on",
    make: ({ loop, kernel }, callback, options) => ({
      source: loop.addTimeChange(callback, options),
      happen: () => kernel.setRealtime(kernel.now(0) + 3_600_000_000),
    }),
  },
  {
    name: "post",
    limited: false,
    level: false,
    enabled: "on",
    make: ({ loop }, callback, options) => ({
      source: loop.addPost(callback, options),
      happen() {
        using _other = loop.addDefer(() => {}, { priority: -1_000 });
        loop.runSync(0);
      },
    }),
  },
];

/** Lets it become pending, and stay so: what is more important goes first. */
export function makePending(trial: Trial, { happen }: Made): void {
  happen();
  using _other = trial.loop.addDefer(() => {}, { priority: -1_000 });
  trial.loop.runSync(0);
}

/** Adds a source of each type that can be told by its `type`, with these options. */
export function addAll(trial: Trial, options: SourceOptions = {}): Record<string, { enabled: string; pending?: boolean }> {
  const { loop } = trial;
  return {
    ...Object.fromEntries(makers.map(({ name, make }) => [name, make(trial, () => {}, options).source])),
    defer: loop.addDefer(() => {}, options),
    exit: loop.addExit(() => {}, options),
  };
}
