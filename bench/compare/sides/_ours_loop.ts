/**
 * What this package does without fibers: the loop and its sources.
 *
 * @module
 */

import { ChildEvent, type EventLoop, IoEvent, type TimeSource } from "@sd/fibers";
import { randoms } from "../checks.ts";
import type { Side, Stopwatch } from "../side.ts";
import type { Place } from "./_ours.ts";

const HOUR_USEC = 3_600_000_000;

/** A byte at a time through the kernel. */
class Pipe implements Disposable {
  readonly #kernel: EventLoop["kernel"];
  readonly reader: number;
  readonly #writer: number;
  readonly #byte = new Uint8Array(1);
  readonly #bytes = new Uint8Array(8);

  constructor(loop: EventLoop) {
    this.#kernel = loop.kernel;
    const pipe = loop.kernel.openPipe();
    if (typeof pipe === "number") throw new Error(`No pipe: errno ${-pipe}`);
    [this.reader, this.#writer] = pipe;
  }

  read(): void {
    this.#kernel.tryRead(this.reader, this.#bytes);
  }

  write(): void {
    this.#kernel.tryWrite(this.#writer, this.#byte);
  }

  [Symbol.dispose](): void {
    this.#kernel.close(this.reader);
    this.#kernel.close(this.#writer);
  }
}

/** On loops of this place. */
export function loopWorks({ open, drive }: Place): Side["works"] {
  async function timeLoop(loop: EventLoop, watch: Stopwatch, begin = () => {}): Promise<void> {
    watch.start();
    begin();
    await drive(loop);
    watch.stop();
  }

  async function dispatchDefer(loop: EventLoop, n: number, watch: Stopwatch): Promise<number> {
    let count = 0;
    loop.addDefer(() => {
      if (++count === n) loop.exit();
    }, { enabled: "on" });
    await timeLoop(loop, watch);
    return count;
  }

  return {
    async defer(n, watch) {
      using loop = open();
      return await dispatchDefer(loop, n, watch);
    },

    async defer_beside_io(n, watch) {
      using loop = open();
      using pipe = new Pipe(loop);
      loop.addIo(pipe.reader, IoEvent.IN, () => {
        throw new Error("There is nothing to read");
      });
      return await dispatchDefer(loop, n, watch);
    },

    async pipe_ping(n, watch) {
      using loop = open();
      using pipe = new Pipe(loop);
      let count = 0;
      loop.addIo(pipe.reader, IoEvent.IN, () => {
        pipe.read();
        if (++count < n) pipe.write();
        else loop.exit();
      });
      await timeLoop(loop, watch, () => pipe.write());
      return count;
    },

    async child(n, watch) {
      using loop = open();
      let count = 0;
      const spawnNext = () => {
        loop.addChild({ pidfd: spawnTrue(loop) }, ChildEvent.EXITED, (info, source) => {
          if (info.code !== "exited" || info.status !== 0) throw new Error(`'/bin/true' ended by '${info.code}', ${info.status}`);
          source[Symbol.dispose]();
          if (++count < n) spawnNext();
          else loop.exit();
        }, { ownsPidfd: true });
      };
      await timeLoop(loop, watch, spawnNext);
      return count;
    },

    timer_add: (n, watch) =>
      addAndCancel(open(), n, (add, cancel) => {
        watch.start();
        add();
        watch.stop();
        cancel();
      }),

    timer_cancel: (n, watch) =>
      addAndCancel(open(), n, (add, cancel) => {
        add();
        watch.start();
        cancel();
        watch.stop();
      }),

    async timer_fire(n, watch) {
      using loop = open();
      let count = 0;
      timerAdder(loop, n, loop.now() - 1000, 1000, () => {
        if (++count === n) loop.exit();
      })();
      await timeLoop(loop, watch);
      return count;
    },
  };
}

/** `/bin/true`, as a pidfd. */
function spawnTrue({ kernel }: EventLoop): number {
  const stdio = "inherit";
  const command = { command: "/bin/true", args: [], cwd: undefined, env: {}, clearEnv: false, processGroup: false };
  const spawned = kernel.spawn({ ...command, stdin: stdio, stdout: stdio, stderr: stdio });
  if (typeof spawned === "number") throw new Error(`Cannot start '/bin/true': errno ${-spawned}`);
  return spawned.handle;
}

/** The times are drawn before anything is timed. */
function timerAdder(loop: EventLoop, n: number, from: number, span: number, onTime: () => void): () => TimeSource[] {
  const times = randoms(n, 0, span - 1).map((usec) => from + usec);
  return () => {
    const sources: TimeSource[] = [];
    for (const usec of times) sources.push(loop.addTime("monotonic", usec, onTime, { accuracy: 1 }));
    return sources;
  };
}

function addAndCancel(loop: EventLoop, n: number, time: (add: () => void, cancel: () => void) => void): number {
  using _loop = loop;
  let sources: TimeSource[] = [];
  const addAll = timerAdder(loop, n, loop.now() + HOUR_USEC, 1_000_000_000, () => {});
  const add = () => {
    sources = addAll();
  };
  const cancel = () => {
    for (const source of sources) source[Symbol.dispose]();
  };
  time(add, cancel);
  return sources.filter((source) => source.loop === undefined).length;
}
