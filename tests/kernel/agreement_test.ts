/**
 * The simulated kernel against the real one: the same calls, drawn from a seed, give the same results on both.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { IoEvent, MessageFlag } from "../../event/flags.ts";
import type { Handle, Kernel, Poller, SocketAddress } from "../../event/kernel/kernel.ts";
import { linuxKernel } from "../../event/kernel/linux/mod.ts";
import { Random } from "../../event/kernel/simulated/random.ts";
import { simulatedKernel } from "../../event/kernel/simulated/mod.ts";
import type { ClockIndex } from "../../event/time.ts";

const { IN, OUT, RDHUP, ET } = IoEvent;
const eventWords = [IN, OUT, IN | OUT, IN | RDHUP, 0].flatMap((events) => [events, events | ET]);
const handleCount = 6;

/** One kernel with handles that go by their place in `handles`; a place may be empty. */
class Side {
  readonly kernel: Kernel;
  readonly poller: Poller;
  /** Watches the poller. */
  readonly outer: Poller;
  readonly handles: Handle[] = Array(handleCount).fill(-1);
  /** What is sent along with messages. */
  readonly #passed: Handle;
  /** By place, what is open there: duplicates are the same thing. */
  readonly #things: (symbol | undefined)[] = [];

  constructor(kernel: Kernel) {
    this.kernel = kernel;
    this.poller = openPoller(kernel);
    this.outer = openPoller(kernel);
    this.#passed = kernel.openDatagram({ path: "" });
    this.outer.watch(this.poller.handle, IN, false, 0);
  }

  openPipe(place: number): void {
    const pipe = this.kernel.openPipe();
    assert(typeof pipe === "object");
    this.#put(place, pipe[0]);
    this.#put((place + 1) % handleCount, pipe[1]);
  }

  openPair(place: number, kind: "stream" | "datagram"): void {
    const ends = this.kernel.openSocketPair(kind);
    assert(typeof ends === "object");
    this.#put(place, ends[0]);
    this.#put((place + 1) % handleCount, ends[1]);
  }

  openDatagrams(place: number): void {
    const path = `@sd-fibers-agreement-datagrams-${this.kernel.pid}`;
    const receiver = this.kernel.openDatagram({ path });
    const sender = this.kernel.openDatagram({ path: "" });
    this.kernel.connectSocket(sender, { path });
    this.#put(place, receiver);
    this.#put((place + 1) % handleCount, sender);
  }

  /** With as many handles of something that nobody watches. */
  send(place: number, data: Uint8Array, handles: number): number {
    return this.kernel.trySend(this.handles[place], [data.subarray(0, 5), data.subarray(5)], undefined, Array(handles).fill(this.#passed));
  }

  receive(place: number, size: number, flags: number, maxHandles: number): string {
    const buffers = [new Uint8Array(3), new Uint8Array(size)];
    const message = { address: undefined as SocketAddress | undefined, handles: [] as readonly Handle[], flags: 0 };
    const count = this.kernel.tryReceive(this.handles[place], buffers, flags, maxHandles, message);
    for (const handle of message.handles) this.kernel.close(handle);
    const from = message.address === undefined ? "" : "somebody";
    return `${count} ${buffers.join()} ${message.handles.length} ${message.flags} ${from}`;
  }

  openStreams(place: number): void {
    const listener = this.kernel.openListener({ path: `@sd-fibers-agreement-${this.kernel.pid}` });
    const client = this.kernel.openStream(this.kernel.localAddress(listener) as SocketAddress);
    this.#put(place, client);
    this.#put((place + 1) % handleCount, this.kernel.tryAccept(listener));
    this.kernel.close(listener);
  }

  duplicate(from: number, to: number): void {
    if (this.handles[from] < 0 || from === to) return;
    this.#put(to, this.kernel.duplicate(this.handles[from]), this.#things[from]);
  }

  close(place: number): number {
    // A watch of a closed handle lives on with the duplicates, and comes back to whoever gets the same number for the same thing.
    const isLast = this.#things.filter((thing) => thing === this.#things[place]).length < 2;
    if (!isLast) this.poller.unwatch(this.handles[place]);
    const result = this.kernel.close(this.handles[place]);
    this.handles[place] = -1;
    this.#things[place] = undefined;
    return result;
  }

  #put(place: number, handle: Handle, thing: symbol = Symbol()): void {
    if (this.handles[place] >= 0) this.close(place);
    this.handles[place] = handle;
    this.#things[place] = thing;
  }

  read(place: number, size: number): number | string {
    const buffer = new Uint8Array(size);
    const count = this.kernel.tryRead(this.handles[place], buffer);
    return count < 0 ? count : buffer.subarray(0, count).join();
  }

  reports(poller: Poller): string {
    const count = poller.poll(0);
    const { readyTokens, readyEvents, clocksFired } = poller;
    poller.clocksFired = 0;
    const reports = Array.from({ length: Math.max(count, 0) }, (_, index) => `${readyTokens[index]}:${readyEvents[index].toString(16)}`);
    return `${count} ${reports.sort()} ${clocksFired}`;
  }

  end(): void {
    this.kernel.close(this.#passed);
    this.outer.close();
    this.poller.close();
    for (const handle of this.handles) if (handle >= 0) this.kernel.close(handle);
  }
}

function openPoller(kernel: Kernel): Poller {
  const poller = kernel.openPoller();
  assert(typeof poller === "object");
  return poller;
}

type Step = (side: Side) => unknown;

/** A call, drawn once and made on both sides. */
function drawStep(random: Random): [name: string, step: Step] {
  const place = random.upTo(handleCount) - 1;
  const size = random.upTo(50) - 1;
  const events = eventWords[random.upTo(eventWords.length) - 1];
  const oneshot = random.next() < 0.3;
  const data = Uint8Array.from({ length: size }, () => random.upTo(256) - 1);
  const other = random.upTo(handleCount) - 1;
  const clock = random.upTo(3) - 1 as ClockIndex;
  const [handles, maxHandles] = [random.upTo(6) - 4, random.upTo(4) - 1].map((count) => Math.max(count, 0));
  const flags = random.next() < 0.6 ? 0 : [MessageFlag.PEEK, MessageFlag.TRUNC, MessageFlag.PEEK | MessageFlag.TRUNC][random.upTo(3) - 1];
  const usec = random.next() < 0.7 ? 1 : Infinity;
  const steps: [weight: number, name: string, step: Step][] = [
    [1, `openPipe to ${place}`, (side) => side.openPipe(place)],
    [1, `openStreams to ${place}`, (side) => side.openStreams(place)],
    [1, `openPair stream to ${place}`, (side) => side.openPair(place, "stream")],
    [1, `openPair datagram to ${place}`, (side) => side.openPair(place, "datagram")],
    [1, `openDatagrams to ${place}`, (side) => side.openDatagrams(place)],
    [6, `send ${size} and ${handles} handles to ${place}`, (side) => side.send(place, data, handles)],
    [6, `receive ${size}, ${flags}, ${maxHandles} from ${place}`, (side) => side.receive(place, size, flags, maxHandles)],
    [1, `duplicate ${place} to ${other}`, (side) => side.duplicate(place, other)],
    [1, `close ${place}`, (side) => side.close(place)],
    [1, `closeWrite ${place}`, (side) => side.kernel.closeWrite(side.handles[place])],
    [1, `socketError ${place}`, (side) => side.kernel.socketError(side.handles[place])],
    [6, `write ${size} to ${place}`, (side) => side.kernel.tryWrite(side.handles[place], data)],
    [6, `read ${size} from ${place}`, (side) => side.read(place, size)],
    [6, `watch ${place} ${events} ${oneshot}`, (side) => side.poller.watch(side.handles[place], events, oneshot, place)],
    [3, `rewatch ${place} ${events} ${oneshot}`, (side) => side.poller.rewatch(side.handles[place], events, oneshot, place)],
    [2, `unwatch ${place}`, (side) => side.poller.unwatch(side.handles[place])],
    [8, "poll", (side) => side.reports(side.poller)],
    [4, "poll the outer one", (side) => side.reports(side.outer)],
    [2, `setWakeup ${clock} ${usec}`, (side) => side.poller.setWakeup(clock, usec)],
  ];
  let draw = random.upTo(steps.reduce((sum, [weight]) => sum + weight, 0));
  const [, name, step] = steps.find(([weight]) => (draw -= weight) <= 0)!;
  return [name, step];
}

Deno.test("The simulated kernel and the Linux one agree on pipes, streams, datagrams and pollers", () => {
  for (let seed = 0; seed < 300; seed++) {
    const random = new Random(seed);
    const simulated = new Side(simulatedKernel());
    const real = new Side(linuxKernel());
    const names: string[] = [];
    for (let count = 0; count < 120; count++) {
      const [name, step] = drawStep(random);
      names.push(name);
      assertEquals(step(simulated), step(real), `Seed ${seed}, the last of: ${names.join("; ")}`);
    }
    simulated.end();
    real.end();
  }
});
