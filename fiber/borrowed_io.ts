/**
 * Descriptors that stay their caller's (sd-future, section 15.1).
 *
 * As long as an operation uses one it must not block: it is made nonblocking, for everybody who has the same open file, and blocking again after the
 * last operation. The calls for messages never wait, so they leave it as it is. An operation that has to wait goes on with a duplicate, so several can
 * wait for one descriptor, and if the caller closes it meanwhile nothing happens to another file that gets its number.
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

/** A socket of a caller's, for one operation whose calls never wait. */
export class BorrowedSocket extends PassingIo {
  protected readonly fd: Handle;

  /** `name`: the descriptor that errors speak of. */
  constructor(fd: Handle, name: Handle = fd) {
    super(requireFd(fd, "use"), `fd ${name}`);
    this.fd = fd;
  }

  override attach(): this {
    if (this.handle === this.fd) {
      this.handle = check(this.core.kernel.duplicate(this.fd), (code) => `Cannot wait for ${this.title}: ${code}`, "fcntl");
    }
    return super.attach();
  }

  override closeHandle(): void {
    if (this.handle !== this.fd) super.closeHandle();
  }
}

/** A descriptor of a caller's, for one operation. */
export class BorrowedIo extends BorrowedSocket {
  /** Makes it nonblocking. Asked anew each time: the number may have become another file's. */
  override begin(): void {
    const { kernel } = this.core;
    const wasBlocking = check(kernel.setBlocking(this.fd, false), (code) => `Cannot use ${this.title}: ${code}`, "fcntl") === 1;
    const all = loansOf(kernel);
    const loan = all.get(this.fd);
    if (loan === undefined) return void all.set(this.fd, { operations: 1, wasBlocking });
    loan.operations++;
    loan.wasBlocking ||= wasBlocking;
  }

  override closeHandle(): void {
    this.#giveBack();
    super.closeHandle();
  }

  #giveBack(): void {
    const { kernel } = this.core;
    const all = loansOf(kernel);
    const loan = all.get(this.fd)!;
    if (--loan.operations > 0) return;
    all.delete(this.fd);
    if (loan.wasBlocking) kernel.setBlocking(this.handle, true);
  }
}
