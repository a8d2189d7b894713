/**
 * A loop for tests of input and output, on the simulated kernel and on Linux: what such a test says holds on both.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import {
  EventLoop,
  type Fiber,
  type FiberOptions,
  type Kernel,
  linuxKernel,
  type ListenAddress,
  type Operation,
  portableKernel,
  run,
  sec,
  type SimulatedKernel,
  simulatedKernel,
  type SimulationOptions,
  sleep,
  spawn,
  SystemError,
  yieldNow,
} from "@sd/fibers";
import { coreOf } from "../../event/event_loop.ts";
import type { PortableKernel } from "../../event/kernel/portable/portable_kernel.ts";
import { ClockIndex } from "../../event/time.ts";
import { openDescriptors } from "../kernel/linux/descriptors.ts";

/** More iterations than any of these tests needs, and more seconds of silence. */
const patience = 1_000_000;
const silence = 20;

/** See the head of this module. */
export class IoWorld {
  readonly kernel: Kernel;
  readonly loop: EventLoop;
  readonly #reports: unknown[] = [];
  readonly #openAtFirst: string[];
  readonly #paths: string[] = [];

  constructor(kernel: Kernel) {
    this.kernel = kernel;
    this.#openAtFirst = this.open();
    this.loop = new EventLoop({ kernel, onError: (error) => this.#reports.push(error) });
  }

  /** The first timer opens a descriptor, which tests that count them would have to know. */
  async begin(): Promise<void> {
    await this.run(() => sleep(1));
  }

  get isSimulated(): boolean {
    return this.kernel.name === "simulated";
  }

  get isBlocking(): boolean {
    return this.kernel.features.has("blocking");
  }

  /** The hands on the virtual world. */
  get simulation(): SimulatedKernel {
    assert(this.isSimulated);
    return this.kernel as SimulatedKernel;
  }

  /** What the process has open. */
  open(): string[] {
    return this.isSimulated ? this.simulation.leaks() : openDescriptors().map((fd) => `fd ${fd}`);
  }

  spawn<T>(body: () => Operation<T>, options: FiberOptions = {}): Fiber<T> {
    return spawn(body, { loop: this.loop, ...options });
  }

  /** Runs a fiber to its end: what it returns or throws. */
  async run<T>(body: () => Operation<T>, options?: FiberOptions): Promise<T> {
    const fiber = this.spawn(body, options);
    await this.runUntil(() => fiber.state === "resolved");
    return fiber.result();
  }

  /** The same, with the host alive: for what only its turns bring about. */
  runHosted<T>(body: () => Operation<T>): Promise<T> {
    return run(body, { loop: this.loop });
  }

  /** Drives the loop until it is so: blocking where that can be, so that nothing of the host's comes between. */
  async runUntil(isSo: () => boolean): Promise<void> {
    const { loop } = this;
    for (let count = 0, quiet = 0; !isSo(); count++) {
      assert(count < patience && quiet < silence, "It never happens");
      quiet = await this.iterate(loop, sec(1)) ? 0 : quiet + 1;
    }
  }

  /** One iteration of a loop on this kernel. */
  async iterate(loop: EventLoop, timeoutUsec?: number): Promise<boolean> {
    return this.isBlocking ? loop.runSync(timeoutUsec) : await loop.run(timeoutUsec);
  }

  /** Drives a loop on this kernel to its end. */
  async finish(loop: EventLoop): Promise<number> {
    return this.isBlocking ? loop.loopSync() : await loop.loop();
  }

  /** Dispatches until nothing is left to do. */
  settle(): void {
    for (let count = 0; this.loop.runSync(0); count++) assert(count < patience, "The loop does not come to rest");
  }

  /** The time, in microseconds. */
  now(): number {
    return this.kernel.now(ClockIndex.monotonic);
  }

  /** A pipe. */
  pipe(): [reader: number, writer: number] {
    const pipe = this.kernel.openPipe();
    assert(typeof pipe === "object");
    return pipe;
  }

  /** Writes without waiting. */
  write(handle: number, text: string): void {
    assertEquals(this.kernel.tryWrite(handle, bytesOf(text)), text.length);
  }

  closeAll(...handles: number[]): void {
    for (const handle of handles) assertEquals(this.kernel.close(handle), 0, `Handle ${handle} is not open`);
  }

  /** Where a socket file can be; it is removed in the end, also of a test that fails. */
  socketPath(): string {
    const path = `/tmp/sd-fibers-${crypto.randomUUID()}.sock`;
    this.#paths.push(path);
    return path;
  }

  /** What was reported since somebody last asked. */
  takeReports(): string[] {
    return this.#reports.splice(0).map((error) => error instanceof Error ? error.message : String(error));
  }

  /** What the portable kernel has let go of the host closes, and sees the end of, in turns of its own. */
  async #letHostClose(): Promise<void> {
    const kernel = this.kernel as PortableKernel;
    for (let turns = 0; turns < 2_000; turns++) {
      const isClosed = kernel.runningProcesses === 0 && this.open().length <= this.#openAtFirst.length;
      await kernel.turn("io");
      if (isClosed) break;
    }
    await kernel.turn("io");
  }

  removeSocketFiles(): void {
    for (const path of this.#paths) this.kernel.removeSocketFile(path);
  }

  /** Disposes the loop, and fails where something was reported that nobody looked at, or left behind. */
  async end(): Promise<void> {
    assertEquals(coreOf(this.loop).fed.total, 0, "Somebody still counts as fed by the kernel");
    this.loop[Symbol.dispose]();
    this.removeSocketFiles();
    assertEquals(this.takeReports(), [], "Reported, and nobody looked");
    if (this.isBlocking) return assertEquals(this.open(), this.#openAtFirst, "Left behind");
    await this.#letHostClose();
    // What the test before this one let go of, the host may have closed only now.
    assertEquals(this.open().filter((file) => !this.#openAtFirst.includes(file)), [], "Left behind");
  }
}

async function inWorld(kernel: Kernel, body: (world: IoWorld) => void | Promise<void>): Promise<void> {
  const world = new IoWorld(kernel);
  try {
    await world.begin();
    await body(world);
    await world.end();
  } finally {
    world.removeSocketFiles();
  }
}

/** Registers a test on all kernels; on the portable one not, where `lacks` says what it asks for that this one has not. */
export function ioTest(name: string, body: (world: IoWorld) => void | Promise<void>, options?: { lacks?: string }): void {
  simulatedIoTest(name, body);
  linuxIoTest(name, body);
  const lacks = options?.lacks;
  const title = lacks === undefined ? `${name} (portable)` : `${name} (portable lacks ${lacks})`;
  Deno.test({ name: title, ignore: lacks !== undefined }, () => inWorld(portableKernel(), body));
}

/** Registers a test on the kernels whose sockets are the system's, or as good: all but the portable one. */
export function systemIoTest(name: string, body: (world: IoWorld) => void | Promise<void>): void {
  simulatedIoTest(name, body);
  linuxIoTest(name, body);
}

/** Registers a test on the portable kernel alone. */
export function portableIoTest(name: string, body: (world: IoWorld) => void | Promise<void>): void {
  Deno.test(`${name} (portable)`, () => inWorld(portableKernel(), body));
}

/** Registers a test on Linux alone. */
export function linuxIoTest(name: string, body: (world: IoWorld) => void | Promise<void>): void {
  Deno.test(`${name} (linux)`, () => inWorld(linuxKernel(), body));
}

/** Registers a test on the simulated kernel alone. */
export function simulatedIoTest(name: string, body: (world: IoWorld) => void | Promise<void>, options?: SimulationOptions): void {
  Deno.test(`${name} (simulated)`, () => inWorld(simulatedKernel(options), body));
}

/** The text's bytes. */
export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** The bytes' text. */
export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** An address of this machine, with a port that the system chooses. */
export const anyPort: ListenAddress = { hostname: "127.0.0.1", port: 0 };

/** A fiber that waits in this operation when this returns. */
export function* waiting<T>(operation: () => Operation<T>, name?: string): Operation<Fiber<T>> {
  const fiber = spawn(operation, { name });
  while (fiber.status === "initial" || fiber.status === "ready") yield* yieldNow();
  assertEquals(fiber.status, "suspended");
  return fiber;
}

/** The error that an operation throws. */
export function* errorOf(operation: Operation<unknown>): Operation<SystemError> {
  try {
    yield* operation;
  } catch (error) {
    assert(error instanceof SystemError, `Not a SystemError: ${error}`);
    return error;
  }
  throw new Error("Nothing was thrown");
}

/** The code of the error that an operation throws. */
export function* codeOf(operation: Operation<unknown>): Operation<string> {
  return (yield* errorOf(operation)).code;
}
