/**
 * Signals caught by the process's own signal actions: libc's sigaction and the handler in {@linkcode ./signal_handler.ts}.
 *
 * The host has handlers of its own, and these rules keep both alive:
 *
 * - Only SIGCHLD is passed on to what was there before, by which the host reaps its children. For the signals that end a process the host's
 *   handler does end it when nobody listens there.
 * - The host installs its handlers late: for SIGHUP, SIGINT and SIGTERM when it first listens to any signal. It installs each once, and over ours
 *   it would end the process all the same. So it is made to install its own first; without a listener that does what the signal did before.
 * - A foreign handler that is installed over ours keeps our address and calls it. So it is left there when the signal is released. When SIGCHLD is
 *   caught the next time, it is by a fresh handler: the old one below must not jump up again, to where it is called from.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import { signalName } from "../../signal_names.ts";
import type { Handle, Result } from "../kernel.ts";
import { type Address, failure, libc, result } from "./libc.ts";
import type { SignalCatcher } from "./signal_catcher.ts";
import { isArmedHandler, SignalHandler } from "./signal_handler.ts";
import { isRealtime } from "./signal_queue.ts";
import { blockInOtherThreads, setBlocked } from "./signal_threads.ts";

/** struct sigaction of glibc and of musl, on both processors: the handler, a mask of 128 bytes, the flags, a restorer of libc's own. */
const actionBytes = 152;
const maskAt = 8;
const flagsAt = 136;

const SA_NOCLDWAIT = 2;
const SA_SIGINFO = 4;
const SA_ONSTACK = 0x0800_0000;
const SA_RESTART = 0x1000_0000;
const SIG_IGN = 1n;

/** The action of a signal that is ignored. */
const ignored = new Uint8Array(actionBytes);
ignored[0] = Number(SIG_IGN);

const SIGCHLD = 17;

/** That of SIGCHLD, in words: each process that is started or watched asks for it. */
const childAction = new Int32Array(actionBytes / 4);

/** A signal whose action is ours, or was until somebody else replaced it. */
interface Caught {
  readonly handler: SignalHandler;
  readonly before: Action;
  /** Whether this thread blocked it, as it may have from its start. */
  wasBlocked: boolean;
}

class SignalActions implements SignalCatcher {
  readonly hasInfo = true;
  /** All that were ever installed. */
  readonly #handlers: SignalHandler[];
  readonly #caught = new Map<number, Caught>();

  constructor(handler: SignalHandler) {
    this.#handlers = [handler];
  }

  catch(signal: number, writer: Handle): Result {
    const current = readAction(signal);
    if (typeof current === "number") return current;
    if (isArmedHandler(current.handler, signal)) return -Errno.EBUSY;
    const earlier = this.#caught.get(signal);
    // Ours is still there, or there again, as whoever had replaced it took his own away.
    if (earlier?.handler.address === current.handler) return this.#begin(signal, earlier, writer);
    const handler = this.#freshHandler(signal);
    if (typeof handler === "number") return handler;
    const before = afterHost(signal, current);
    return typeof before === "number" ? before : this.#begin(signal, { handler, before, wasBlocked: false }, writer);
  }

  release(signal: number): void {
    const caught = this.#caught.get(signal);
    if (caught === undefined) return;
    if (caught.wasBlocked) setBlocked(signal, true);
    const current = readAction(signal);
    if (typeof current !== "number" && current.handler === caught.handler.address) {
      if (isRealtime(signal)) libc.sigaction(signal, ignored, null); // which throws away what is pending
      libc.sigaction(signal, caught.before.bytes, null);
      this.#caught.delete(signal);
    }
    caught.handler.disarm(signal);
    if (!caught.wasBlocked) setBlocked(signal, false);
  }

  expect(signal: number): void {
    this.#caught.get(signal)?.handler.expect(signal);
  }

  isWriting(): boolean {
    return this.#handlers.some((handler) => handler.isRunning());
  }

  #begin(signal: number, caught: Caught, writer: Handle): Result {
    arm(signal, caught, writer);
    const installed = result(libc.sigaction(signal, ourAction(signal, caught), null));
    if (installed < 0) {
      caught.handler.disarm(signal);
      return installed;
    }
    this.#caught.set(signal, caught);
    caught.wasBlocked = setBlocked(signal, isRealtime(signal));
    if (isRealtime(signal)) blockInOtherThreads(signal, caught.handler.blockRequest);
    return 0;
  }

  /** A handler that nobody who passes the signal on can have installed his own over. */
  #freshHandler(signal: number): SignalHandler | Result {
    if (signal !== SIGCHLD || !this.#caught.has(signal)) return this.#handlers[0];
    const handler = SignalHandler.create();
    if (typeof handler !== "number") this.#handlers.push(handler);
    return handler;
  }
}

/** Catches by signal actions; a negated errno where there can be no handler. */
export function catchByAction(): SignalCatcher | Result {
  const handler = SignalHandler.create();
  return typeof handler === "number" ? handler : new SignalActions(handler);
}

/** 1 when the system reaps this process's children by itself. */
export function reapsAutomatically(): Result {
  if (libc.sigaction(SIGCHLD, null, childAction) < 0) return failure();
  const isIgnored = childAction[0] === Number(SIG_IGN) && childAction[1] === 0;
  return isIgnored || (childAction[flagsAt / 4] & SA_NOCLDWAIT) !== 0 ? 1 : 0;
}

/** A struct sigaction and what of it matters here. */
interface Action {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly handler: Address;
  readonly flags: number;
}

/**
 * What the signal does once the host has installed its handler for it: what is to come back when it is released. But one that is ignored is to be
 * ignored again.
 */
function afterHost(signal: number, current: Action): Action | Result {
  if (current.handler > SIG_IGN) return current;
  installHostHandler(signal);
  return current.handler === SIG_IGN ? current : readAction(signal);
}

function installHostHandler(signal: number): void {
  const name = signalName(signal) as Deno.Signal;
  const listener = () => {};
  try {
    Deno.addSignalListener(name, listener);
    Deno.removeSignalListener(name, listener);
  } catch {
    // Not one that the host has a handler for.
  }
}

function readAction(signal: number): Action | Result {
  const bytes = new Uint8Array(actionBytes);
  const failed = result(libc.sigaction(signal, null, bytes));
  if (failed < 0) return failed;
  const view = new DataView(bytes.buffer);
  return { bytes, handler: view.getBigUint64(0, true), flags: view.getInt32(flagsAt, true) };
}

function arm(signal: number, { handler, before }: Caught, writer: Handle): void {
  handler.arm(signal, writer, signal === SIGCHLD ? before.handler : 0n);
}

/**
 * The action that runs the handler: on the thread's alternate stack if it has one, since a thread of a foreign library may have a small ordinary
 * one, and with everything blocked meanwhile, so that handlers do not pile up on it.
 */
function ourAction(signal: number, { handler, before }: Caught): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(actionBytes);
  const view = new DataView(bytes.buffer);
  const reaping = signal === SIGCHLD && leavesNoZombies(before) ? SA_NOCLDWAIT : 0;
  view.setBigUint64(0, handler.address, true);
  bytes.fill(0xff, maskAt, flagsAt);
  view.setInt32(flagsAt, SA_SIGINFO | SA_ONSTACK | SA_RESTART | reaping, true);
  return bytes;
}

function leavesNoZombies({ handler, flags }: Action): boolean {
  return handler === SIG_IGN || (flags & SA_NOCLDWAIT) !== 0;
}
