/**
 * What goes from fiber to fiber in a random program: the items of channels, the bytes of pipes, a lock. Books are kept of all of it.
 *
 * @module
 */

import { Channel, type Future, Mutex, type Operation, type ReceiveFuture } from "@sd/fibers";
import { read, write } from "@sd/fibers/io";
import type { Simulation } from "../_simulation.ts";
import { counts } from "./_random_program.ts";

const EAGAIN = -11;
/** What is in the pipes. */
const BYTE = 7;
/** So often a read may say EAGAIN, by a fault, before the pipe is taken for empty. */
const patience = 100;

/** Notes what does not hold. */
type Expect = (holds: boolean, message: string) => void;

/** What becomes of each item: it is received or dropped, once. */
class Items {
  readonly #expect: Expect;
  readonly #onTheWay = new Set<number>();
  #last = 0;

  constructor(expect: Expect) {
    this.#expect = expect;
  }

  get onTheWay(): number {
    return this.#onTheWay.size;
  }

  /** A new one, which is the channel's from now on. */
  offer(): number {
    this.#onTheWay.add(++this.#last);
    return this.#last;
  }

  ended(item: number, how: string): void {
    this.#expect(this.#onTheWay.delete(item), `an item was ${how} that had been received or dropped, or never sent`);
  }
}

/** One pipe, and how many bytes went through. */
class Pipe {
  readonly #world: Simulation;
  readonly #expect: Expect;
  readonly #reader: number;
  readonly #writer: number;
  #written = 0;
  #read = 0;

  constructor(world: Simulation, expect: Expect) {
    this.#world = world;
    this.#expect = expect;
    const pipe = world.kernel.openPipe();
    if (typeof pipe === "number") throw new Error(`No pipe: ${pipe}`);
    [this.#reader, this.#writer] = pipe;
  }

  *read(bytes: number): Operation<void> {
    const buffer = new Uint8Array(bytes);
    this.#wasRead(buffer, yield* read(this.#reader, buffer));
  }

  *write(bytes: number): Operation<void> {
    this.#wasWritten(bytes, yield* write(this.#writer, new Uint8Array(bytes).fill(BYTE)));
  }

  tryRead(bytes: number): void {
    const buffer = new Uint8Array(bytes);
    const count = this.#world.kernel.tryRead(this.#reader, buffer);
    if (count !== EAGAIN) this.#wasRead(buffer, count);
  }

  tryWrite(bytes: number): void {
    const count = this.#world.kernel.tryWrite(this.#writer, new Uint8Array(bytes).fill(BYTE));
    if (count !== EAGAIN) this.#wasWritten(bytes, count);
  }

  #wasRead(buffer: Uint8Array, count: number): void {
    this.#expect(count > 0 && count <= buffer.length, `a read of ${buffer.length} bytes gave ${count}`);
    this.#expect(buffer[0] === BYTE && buffer[count - 1] === BYTE, "a read gave what was not written");
    this.#read += count;
    this.#expect(this.#read <= this.#written, "more was read than written");
  }

  #wasWritten(bytes: number, count: number): void {
    this.#expect(count > 0 && count <= bytes, `a write of ${bytes} bytes took ${count}`);
    this.#written += count;
  }

  /** What was written and not read is in it still: an interrupted read has read nothing, an interrupted write written nothing. */
  end(): void {
    const { kernel } = this.#world;
    const buffer = new Uint8Array(1 << 17);
    for (let empty = 0; empty < patience;) {
      const count = kernel.tryRead(this.#reader, buffer);
      if (count > 0) this.#read += count;
      else empty++;
    }
    this.#expect(this.#read === this.#written, `${this.#written} bytes were written and ${this.#read} read`);
    for (const fd of [this.#reader, this.#writer]) kernel.close(fd);
  }
}

/** See the head of this module. */
export class Stock {
  readonly #expect: Expect;
  readonly #items: Items;
  readonly #channels: readonly Channel<number>[];
  readonly #receives: ReceiveFuture<number>[][];
  readonly #sends: Future<void>[] = [];
  readonly #pipes: readonly Pipe[];
  readonly #mutex: Mutex;
  #holders = 0;

  constructor(world: Simulation, expect: Expect) {
    const { loop } = world;
    this.#expect = expect;
    const items = new Items(expect);
    this.#items = items;
    const onDrop = (item: number) => items.ended(item, "dropped");
    this.#channels = Array.from({ length: counts.channels }, (_, index) =>
      new Channel<number>({
        loop,
        capacity: index < 2 ? index : 2,
        overflow: (["wait", "wait", "drop-oldest", "drop-latest"] as const)[index],
        onDrop,
      }));
    this.#receives = this.#channels.map(() => []);
    this.#pipes = Array.from({ length: counts.pipes }, () => new Pipe(world, expect));
    this.#mutex = new Mutex({ loop });
  }

  // What needs no wait; what stands against it is thrown

  act(kind: "tryPush" | "tryPop" | "send" | "receive" | "take" | "close", index: number): void {
    const channel = this.#channels[index];
    if (kind === "tryPush") this.#tryPush(channel);
    else if (kind === "tryPop") this.#took(channel.tryPop());
    else if (kind === "send") this.#sends.push(channel.send(this.#items.offer()));
    else if (kind === "receive") this.#receives[index].push(channel.receive());
    else if (kind === "take") this.#take(this.#receives[index]);
    else channel.close();
  }

  #tryPush(channel: Channel<number>): void {
    const item = this.#items.offer();
    let isTaken = false;
    try {
      isTaken = channel.tryPush(item);
    } finally {
      if (!isTaken) this.#items.ended(item, "kept");
    }
  }

  #take(receives: ReceiveFuture<number>[]): void {
    const receive = receives[0];
    if (receive === undefined || receive.state === "pending") return;
    receives.shift();
    this.#took(receive.take());
  }

  #took(item: number | undefined): void {
    if (item !== undefined) this.#items.ended(item, "received");
  }

  pipe(kind: "tryRead" | "tryWrite", index: number, bytes: number): void {
    this.#pipes[index][kind](bytes);
  }

  // What waits

  push(index: number): Operation<void> {
    return this.#channels[index].push(this.#items.offer());
  }

  *pop(index: number): Operation<void> {
    this.#took(yield* this.#channels[index].pop());
  }

  io(kind: "read" | "write", index: number, bytes: number): Operation<void> {
    return this.#pipes[index][kind](bytes);
  }

  lock(): Operation<Disposable> {
    return this.#mutex.lock();
  }

  *holding(body: () => Operation<void>): Operation<void> {
    this.#expect(++this.#holders === 1, "two fibers hold one lock");
    try {
      yield* body();
    } finally {
      this.#holders--;
    }
  }

  // What must hold

  check(): void {
    for (const channel of this.#channels) {
      const { capacity, size, pushes, pops } = channel.statistics();
      this.#expect(size <= capacity, `${size} items lie in a channel of capacity ${capacity}`);
      this.#expect(pops === 0 || (size === 0 && pushes === 0), `${pops} pops wait for ${size} items and ${pushes} pushes`);
      this.#expect(pushes === 0 || size === capacity, `${pushes} pushes wait for a channel that holds ${size} of ${capacity}`);
    }
    this.#expect(this.#holders === 0 || this.#mutex.locked, "a lock that is held is free");
  }

  /** The loop has finished. */
  end(): void {
    for (const receive of this.#receives.flat()) receive[Symbol.dispose]();
    for (const channel of this.#channels) channel[Symbol.dispose]();
    for (const send of this.#sends) this.#expect(send.state === "resolved", "a send waits for a channel that was disposed");
    this.#expect(this.#items.onTheWay === 0, `${this.#items.onTheWay} items were neither received nor dropped`);
    this.#expect(this.#holders === 0 && !this.#mutex.locked, "a lock is held at the end");
    for (const pipe of this.#pipes) pipe.end();
  }
}
