/**
 * The loop of the installed libsystemd, by FFI.
 *
 * Pointers are integers here: of what the library hands out nothing is read but the head of a signal's record.
 *
 * @module
 */

import { ENODATA, type Listener, type SourcePlan, type Subject } from "./subject.ts";

const address = "usize";
const u32 = "u32";
const u64 = "u64";
const i32 = "i32";

const symbols = {
  sd_event_new: { parameters: ["buffer"], result: i32 },
  sd_event_unref: { parameters: [address], result: address },
  sd_event_prepare: { parameters: [address], result: i32 },
  sd_event_wait: { parameters: [address, u64], result: i32 },
  sd_event_dispatch: { parameters: [address], result: i32 },
  sd_event_run: { parameters: [address, u64], result: i32 },
  sd_event_loop: { parameters: [address], result: i32 },
  sd_event_exit: { parameters: [address, i32], result: i32 },
  sd_event_get_state: { parameters: [address], result: i32 },
  sd_event_get_iteration: { parameters: [address, "buffer"], result: i32 },
  sd_event_get_exit_code: { parameters: [address, "buffer"], result: i32 },
  sd_event_add_io: { parameters: [address, "buffer", i32, u32, address, address], result: i32 },
  sd_event_add_time: { parameters: [address, "buffer", i32, u64, u64, address, address], result: i32 },
  sd_event_add_time_relative: { parameters: [address, "buffer", i32, u64, u64, address, address], result: i32 },
  sd_event_add_signal: { parameters: [address, "buffer", i32, address, address], result: i32 },
  sd_event_add_defer: { parameters: [address, "buffer", address, address], result: i32 },
  sd_event_add_post: { parameters: [address, "buffer", address, address], result: i32 },
  sd_event_add_exit: { parameters: [address, "buffer", address, address], result: i32 },
  sd_event_source_unref: { parameters: [address], result: address },
  sd_event_source_set_enabled: { parameters: [address, i32], result: i32 },
  sd_event_source_get_enabled: { parameters: [address, "buffer"], result: i32 },
  sd_event_source_set_priority: { parameters: [address, "i64"], result: i32 },
  sd_event_source_get_priority: { parameters: [address, "buffer"], result: i32 },
  sd_event_source_get_pending: { parameters: [address], result: i32 },
  sd_event_source_set_prepare: { parameters: [address, address], result: i32 },
  sd_event_source_set_destroy_callback: { parameters: [address, address], result: i32 },
  sd_event_source_set_exit_on_failure: { parameters: [address, i32], result: i32 },
  sd_event_source_set_ratelimit: { parameters: [address, u64, u32], result: i32 },
  sd_event_source_is_ratelimited: { parameters: [address], result: i32 },
  sd_event_source_get_ratelimit: { parameters: [address, "buffer", "buffer"], result: i32 },
  sd_event_source_set_time: { parameters: [address, u64], result: i32 },
  sd_event_source_set_time_relative: { parameters: [address, u64], result: i32 },
  sd_event_source_set_time_accuracy: { parameters: [address, u64], result: i32 },
  sd_event_source_set_io_events: { parameters: [address, u32], result: i32 },
  sd_event_source_get_io_revents: { parameters: [address, "buffer"], result: i32 },
  sd_event_source_set_io_fd: { parameters: [address, i32], result: i32 },
} as const;

type Library = Deno.DynamicLibrary<typeof symbols>["symbols"];

function open(): Library | undefined {
  try {
    return Deno.dlopen("libsystemd.so.0", symbols).symbols;
  } catch {
    return undefined;
  }
}

// Opened here, once: what is opened in a test and stays open counts as a leak.
const library = open();

/** Whether there is a libsystemd to compare with. */
export const hasLibsystemd: boolean = library !== undefined;

const NEVER = 0xffff_ffff_ffff_ffffn;
const clockIds = [0, 7, 1, 8, 9];
/** Asks the library to block the signal in this thread, and to unblock it at the end. */
const PROCMASK = 1 << 30;

function toUsec(usec: number): bigint {
  return usec === Infinity ? NEVER : BigInt(usec);
}

/** The loops and their sources, by what the library gives its callbacks: a number for each source. */
const owners = new Map<bigint, { readonly listener: Listener; readonly source: number }>();
let lastUserdata = 0n;

/** Calls the listener; nothing may be thrown through the library. */
function tell(userdata: bigint, call: (listener: Listener, source: number) => number): number {
  const { listener, source } = owners.get(userdata)!;
  try {
    return call(listener, source);
  } catch (error) {
    listener.unexpected(error);
    return 0;
  }
}

function addressOf({ pointer }: { readonly pointer: Deno.PointerObject }): bigint {
  return Deno.UnsafePointer.value(pointer);
}

const plainCallback = new Deno.UnsafeCallback(
  { parameters: [address, address], result: i32 },
  (_, userdata) => tell(userdata, (listener, source) => listener.main(source, 0)),
);
const ioCallback = new Deno.UnsafeCallback(
  { parameters: [address, i32, u32, address], result: i32 },
  (_, _fd, revents, userdata) => tell(userdata, (listener, source) => listener.main(source, revents)),
);
const timeCallback = new Deno.UnsafeCallback(
  { parameters: [address, u64, address], result: i32 },
  (_, usec, userdata) => tell(userdata, (listener, source) => listener.main(source, usec === NEVER ? Infinity : Number(usec))),
);
const signalCallback = new Deno.UnsafeCallback(
  { parameters: [address, "pointer", address], result: i32 },
  (_, record, userdata) => tell(userdata, (listener, source) => listener.main(source, new Deno.UnsafePointerView(record!).getInt32())),
);
const prepareCallback = new Deno.UnsafeCallback(
  { parameters: [address, address], result: i32 },
  (_, userdata) => tell(userdata, (listener, source) => listener.prepare(source)),
);
const destroyCallback = new Deno.UnsafeCallback({ parameters: [address], result: "void" }, (userdata) => {
  tell(userdata, (listener, source) => {
    listener.destroyed(source);
    return 0;
  });
});

const onPlain = addressOf(plainCallback);
const onIo = addressOf(ioCallback);
const onTime = addressOf(timeCallback);
const onSignal = addressOf(signalCallback);
const onPrepare = addressOf(prepareCallback);
const onDestroy = addressOf(destroyCallback);

const outPointer = new BigUint64Array(1);
const outWide = new BigInt64Array(1);
const outNumber = new Int32Array(1);

/** A loop of the library's. */
export class LibsystemdLoop implements Subject {
  readonly #library: Library;
  readonly #listener: Listener;
  readonly #event: bigint;
  readonly #sources = new Map<number, bigint>();
  readonly #userdata: bigint[] = [];

  constructor(listener: Listener) {
    this.#library = library!;
    this.#listener = listener;
    const result = this.#library.sd_event_new(outPointer);
    if (result < 0) throw new Error(`Cannot make a loop of libsystemd: errno ${-result}`);
    this.#event = outPointer[0];
  }

  prepare(): number {
    return this.#library.sd_event_prepare(this.#event);
  }

  wait(): number {
    return this.#library.sd_event_wait(this.#event, 0n);
  }

  dispatch(): number {
    return this.#library.sd_event_dispatch(this.#event);
  }

  run(): number {
    return this.#library.sd_event_run(this.#event, 0n);
  }

  loop(): number {
    return this.#library.sd_event_loop(this.#event);
  }

  exit(code: number): number {
    return this.#library.sd_event_exit(this.#event, code);
  }

  state(): number {
    return this.#library.sd_event_get_state(this.#event);
  }

  iteration(): number {
    this.#library.sd_event_get_iteration(this.#event, outPointer);
    return Number(outPointer[0]);
  }

  exitCode(): number | undefined {
    return this.#library.sd_event_get_exit_code(this.#event, outNumber) === ENODATA ? undefined : outNumber[0];
  }

  close(): void {
    for (const source of this.#sources.keys()) this.dispose(source);
    this.#library.sd_event_unref(this.#event);
    for (const userdata of this.#userdata) owners.delete(userdata);
  }

  add(source: number, plan: SourcePlan): number {
    const userdata = plan.hasCallback ? ++lastUserdata : 0n;
    outPointer[0] = 0n;
    const result = this.#add(plan, userdata);
    if (result < 0) return result;
    const added = outPointer[0];
    this.#sources.set(source, added);
    if (!plan.hasCallback) return result;
    this.#userdata.push(userdata);
    owners.set(userdata, { listener: this.#listener, source });
    this.#library.sd_event_source_set_destroy_callback(added, onDestroy);
    return result;
  }

  #add(plan: SourcePlan, userdata: bigint): number {
    const event = this.#event;
    const called = (callback: bigint) => plan.hasCallback ? callback : 0n;
    switch (plan.type) {
      case "io":
        return this.#library.sd_event_add_io(event, outPointer, plan.fd, plan.events, called(onIo), userdata);
      case "time": {
        const add = plan.relative ? this.#library.sd_event_add_time_relative : this.#library.sd_event_add_time;
        return add(event, outPointer, clockIds[plan.clock], toUsec(plan.usec), toUsec(plan.accuracy), called(onTime), userdata);
      }
      case "signal":
        return this.#library.sd_event_add_signal(event, outPointer, plan.signal | PROCMASK, called(onSignal), userdata);
      case "defer":
        return this.#library.sd_event_add_defer(event, outPointer, called(onPlain), userdata);
      case "post":
        return this.#library.sd_event_add_post(event, outPointer, called(onPlain), userdata);
      case "exit":
        return this.#library.sd_event_add_exit(event, outPointer, called(onPlain), userdata);
    }
  }

  dispose(source: number): void {
    const pointer = this.#at(source);
    this.#sources.delete(source);
    this.#library.sd_event_source_unref(pointer);
  }

  setEnabled(source: number, value: number): number {
    return this.#library.sd_event_source_set_enabled(this.#at(source), value);
  }

  setPriority(source: number, value: number): number {
    return this.#library.sd_event_source_set_priority(this.#at(source), BigInt(value));
  }

  setPrepare(source: number, on: boolean): number {
    return this.#library.sd_event_source_set_prepare(this.#at(source), on ? onPrepare : 0n);
  }

  setExitOnFailure(source: number, on: boolean): number {
    return Math.min(0, this.#library.sd_event_source_set_exit_on_failure(this.#at(source), Number(on)));
  }

  setRateLimit(source: number, intervalUsec: number, burst: number): number {
    return this.#library.sd_event_source_set_ratelimit(this.#at(source), BigInt(intervalUsec), burst);
  }

  /** sd_event_source_leave_ratelimit came after libsystemd 252, but setting the same limit again does the same. */
  leaveRateLimit(source: number): number {
    if (this.rateLimited(source) === 0) return 0;
    const result = this.#library.sd_event_source_get_ratelimit(this.#at(source), outPointer, outNumber);
    return result < 0 ? result : this.setRateLimit(source, Number(outPointer[0]), outNumber[0]) || 1;
  }

  setTime(source: number, usec: number): number {
    return this.#library.sd_event_source_set_time(this.#at(source), toUsec(usec));
  }

  setTimeRelative(source: number, usec: number): number {
    return this.#library.sd_event_source_set_time_relative(this.#at(source), toUsec(usec));
  }

  setAccuracy(source: number, usec: number): number {
    return this.#library.sd_event_source_set_time_accuracy(this.#at(source), toUsec(usec));
  }

  setEvents(source: number, events: number): number {
    return this.#library.sd_event_source_set_io_events(this.#at(source), events);
  }

  setFd(source: number, fd: number): number {
    return this.#library.sd_event_source_set_io_fd(this.#at(source), fd);
  }

  enabled(source: number): number {
    this.#library.sd_event_source_get_enabled(this.#at(source), outNumber);
    return outNumber[0];
  }

  priority(source: number): number {
    this.#library.sd_event_source_get_priority(this.#at(source), outWide);
    return Number(outWide[0]);
  }

  pending(source: number): number {
    return this.#library.sd_event_source_get_pending(this.#at(source));
  }

  rateLimited(source: number): number {
    return this.#library.sd_event_source_is_ratelimited(this.#at(source));
  }

  revents(source: number): number {
    const result = this.#library.sd_event_source_get_io_revents(this.#at(source), outNumber);
    return result < 0 ? result : outNumber[0];
  }

  #at(source: number): bigint {
    return this.#sources.get(source)!;
  }
}
