/**
 * Descriptors that stay their caller's (sd-future, section 15.1).
 *
 * As long as an operation uses one it must not block: it is made nonblocking, for everybody who has the same open file, and blocking again after the
 * last operation. An operation that has to wait goes on with a duplicate, so several can wait for one descriptor, and if the caller closes it
 * meanwhile nothing happens to another file that gets its number.
 *
 * @module
 */

import { check, SystemError } from "../event/errno.ts";
import type { Handle, Kernel } from "../event/kernel/kernel.ts";
import type { LoopCore } from "../event/loop_core.ts";
import { requireFd } from "../event/validate.ts";
import type { CurrentFiber } from "../future/current.ts";
import { StreamIo } from "./stream_io.ts";

/** A descriptor in use. */
interface Loan {
  operations: number;
  wasBlocking: boolean;
}

const loans = new WeakMap<Kernel, Map<Handle, Loan>>();

function loansOf(kernel: Kernel): Map<Handle, Loan> {
  const existing = loans.get(kernel);
  if (existing !== undefined) return existing;
  const made = new Map<Handle, Loan>();
  loans.set(kernel, made);
  return made;
}

/** What one operation uses, on the loop of the fiber that runs it. */
export abstract class PassingIo extends StreamIo {
  constructor(handle: Handle, title: string) {
    super(undefined as unknown as LoopCore, handle, { title });
  }

  override requireFree(fiber: CurrentFiber): void {
    if (this.isClosed) throw new SystemError("EINVAL", "Cannot run an operation a second time: call the function that made it again");
    this.core = fiber.core;
  }

  override end(): void {
    this.close();
  }
}

/** A descriptor of a caller's, for one operation. */
export class BorrowedIo extends PassingIo {
  readonly #fd: Handle;

  constructor(fd: Handle) {
    super(requireFd(fd, "use"), `fd ${fd}`);
    this.#fd = fd;
  }

  /** Makes it nonblocking. Asked anew each time: the number may have become another file's. */
  override begin(): void {
    const { kernel } = this.core;
    const wasBlocking = check(kernel.setBlocking(this.#fd, false), (code) => `Cannot use ${this.title}: ${code}`, "fcntl") === 1;
    const all = loansOf(kernel);
    const loan = all.get(this.#fd);
    if (loan === undefined) return void all.set(this.#fd, { operations: 1, wasBlocking });
    loan.operations++;
    loan.wasBlocking ||= wasBlocking;
  }

  override attach(): this {
    if (this.handle === this.#fd) {
      this.handle = check(this.core.kernel.duplicate(this.#fd), (code) => `Cannot wait for ${this.title}: ${code}`, "fcntl");
    }
    return super.attach();
  }

  override closeHandle(): void {
    this.#giveBack();
    if (this.handle !== this.#fd) super.closeHandle();
  }

  #giveBack(): void {
    const { kernel } = this.core;
    const all = loansOf(kernel);
    const loan = all.get(this.#fd)!;
    if (--loan.operations > 0) return;
    all.delete(this.#fd);
    if (loan.wasBlocking) kernel.setBlocking(this.handle, true);
  }
}
