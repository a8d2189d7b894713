/**
 * Signals claimed for the whole process, each by one owner: a poller.
 *
 * An owner has an inbox, from its first claim on, where the records of its signals arrive; reading it moves them to the owner's queue, and from
 * there they are taken. A claim of another isolate of the process (a worker's) is seen and is EBUSY as well; a worker that is terminated while it
 * has claims leaves them behind.
 *
 * Two things differ from a process with one thread. A real-time signal that is sent to one thread alone is seen only if that is the loop's own,
 * and not while the loop is parked. And once it was claimed, the host's other threads go on blocking it, so that this thread alone gets it; the
 * children that the host starts meanwhile inherit that.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import type { Result, SignalRecord } from "../kernel.ts";
import { catchByAction } from "./signal_action.ts";
import type { SignalCatcher } from "./signal_catcher.ts";
import { SignalInbox } from "./signal_inbox.ts";
import { catchByListener } from "./signal_listener.ts";
import { isRealtime, LAST_SIGNAL, SignalQueue } from "./signal_queue.ts";

/**
 * SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV and SIGSYS. The kernel sends them for what an instruction did, and when a handler returns, that
 * instruction runs again: a crash of the host would become a loop without end. SIGKILL and SIGSTOP cannot be caught.
 */
const uncatchable: ReadonlySet<number> = new Set([4, 5, 7, 8, 11, 31, 9, 19]);

/** Who has claims: where its records arrive and where they wait. */
interface Owner {
  readonly inbox: SignalInbox;
  readonly queue: SignalQueue;
}

const owners = new Map<object, Owner>();

/** Who has claimed a signal, by its number. */
const claims = new Map<number, Owner>();

/** What could not be closed yet, as a record may be on its way there. */
let closing: SignalInbox[] = [];

let catcher: SignalCatcher | undefined;

/** Whether records tell who sent a signal, and with what. */
export function signalsHaveInfo(): boolean {
  return usedCatcher().hasInfo;
}

/** Takes this way to catch signals instead of the best one that there is. To be called while nothing is claimed. */
export function catchSignalsBy(chosen: SignalCatcher): void {
  catcher = chosen;
}

function usedCatcher(): SignalCatcher {
  if (catcher === undefined) {
    const byAction = catchByAction();
    catcher = typeof byAction === "number" ? catchByListener() : byAction;
  }
  return catcher;
}

/** Claims a signal: −EBUSY when it is claimed already, −EINVAL when it cannot be caught, −EOPNOTSUPP when it cannot be caught in this host. */
export function claimSignal(owner: object, signal: number): Result {
  if (!Number.isInteger(signal) || signal < 1 || signal > LAST_SIGNAL || uncatchable.has(signal)) return -Errno.EINVAL;
  if (claims.has(signal)) return -Errno.EBUSY;
  const claimant = owners.get(owner) ?? openOwner();
  if (typeof claimant === "number") return claimant;
  const failed = beginCatching(claimant.inbox, signal);
  if (failed === 0) {
    owners.set(owner, claimant);
    claims.set(signal, claimant);
  } else if (!owners.has(owner)) {
    claimant.inbox.close();
  }
  return failed;
}

/** Lets go of a signal, and of the records of it that wait. */
export function releaseSignal(owner: object, signal: number): void {
  const claimant = owners.get(owner);
  if (claimant === undefined || claims.get(signal) !== claimant) return;
  usedCatcher().release(signal);
  if (isRealtime(signal)) claimant.inbox.exclude(signal);
  drainSignals(owner);
  claims.delete(signal);
  claimant.queue.drop(signal);
}

/** The next record of the set. */
export function takeSignal(owner: object, set: readonly number[]): SignalRecord | undefined {
  return owners.get(owner)?.queue.take(set);
}

/** Whether a record of the set waits. */
export function hasSignal(owner: object, set: readonly number[]): boolean {
  return owners.get(owner)?.queue.has(set) ?? false;
}

/** How many records wait. */
export function queuedSignals(owner: object): number {
  return owners.get(owner)?.queue.length ?? 0;
}

/** What is readable when {@linkcode drainSignals} has something to do: −EBADF before the first claim. */
export function signalPipe(owner: object): Result {
  return owners.get(owner)?.inbox.handle ?? -Errno.EBADF;
}

/** Moves what has arrived to the queue. */
export function drainSignals(owner: object): void {
  const drained = owners.get(owner);
  if (drained === undefined) return;
  drained.inbox.read((record) => {
    usedCatcher().expect(record.signal);
    // What was on its way when its signal was released is nobody's.
    if (claims.get(record.signal) === drained) drained.queue.push(record);
  });
}

/** Lets go of all that the owner has claimed, and closes what it has open. */
export function forgetOwner(owner: object): void {
  const forgotten = owners.get(owner);
  if (forgotten === undefined) return;
  for (const [signal, claimant] of claims) if (claimant === forgotten) releaseSignal(owner, signal);
  owners.delete(owner);
  closing.push(forgotten.inbox);
  closeInboxes();
}

function openOwner(): Owner | Result {
  closeInboxes();
  const inbox = SignalInbox.open();
  return typeof inbox === "number" ? inbox : { inbox, queue: new SignalQueue() };
}

function beginCatching(inbox: SignalInbox, signal: number): Result {
  const included = isRealtime(signal) ? inbox.include(signal) : 0;
  if (included < 0) return included;
  const caught = usedCatcher().catch(signal, inbox.writer);
  if (caught < 0 && isRealtime(signal)) inbox.exclude(signal);
  return caught;
}

/**
 * Closes the inboxes of forgotten owners, unless a handler is running on some thread: one that has looked up the descriptor before it was taken
 * out of the table is about to write to that number. It is a matter of nanoseconds, so that a few looks do; if they do not, the next call closes
 * them. (Between taking it out and looking stand the system calls of reading the inbox, which leave nothing of the change unseen.)
 */
function closeInboxes(): void {
  if (closing.length === 0) return;
  for (let looks = 0; usedCatcher().isWriting(); looks++) if (looks === 1000) return;
  for (const inbox of closing) inbox.close();
  closing = [];
}
