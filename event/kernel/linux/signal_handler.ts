/**
 * The signal handler: a few instructions that pass the kernel's siginfo into a pipe, and the two pages it lives in.
 *
 * Some facts, and why it is machine code. The host has many threads that leave signals unblocked, and a signal for the process goes to any one
 * of them, so a signalfd of the loop's thread would see nothing of it. A handler written in JavaScript can run neither on a thread that the
 * host does not know nor in the middle of anything. So the handler only does what may be done anywhere: it looks into a table, calls write(2)
 * by the instruction for it (libc's errno stays as it was), and returns.
 *
 * - Classic signals are merged here, as the kernel merges the ones that are pending: as long as the record of one has not been read, no second
 *   one is written. However many arrive while the loop is busy, they cannot fill the pipe and keep another signal out.
 * - A real-time signal is blocked from then on in the thread that got it. Two threads can each be handed one and overtake each other on the way
 *   to the pipe; once all threads block it, the kernel queues it in order, and a signalfd reads it. A signal whose value is the table's address
 *   is no more than the request to do so.
 * - The table says whom to jump to afterwards: the handler that was there before, for a signal that the host needs as well.
 * - A counter says how many threads are between looking up the descriptor and having written to it. Until it is 0, a descriptor that was taken
 *   out of the table must not be closed: its number might by then name something else.
 *
 * One page is written, then made executable and no longer writable; the table beside it stays writable. Neither is ever unmapped: another
 * handler may have been told to call this one, and a thread may be about to run it.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import type { Handle, Result } from "../kernel.ts";
import { type Address, bytesAt, failure, libc } from "./libc.ts";
import { LAST_SIGNAL } from "./signal_queue.ts";

/** Where in the table what stands, for signals 0 to 64. */
const descriptors = 0x000n; // int32: where to write a record to, −1 for nowhere
const previous = 0x200n; // uint64: the handler to jump to afterwards; SIG_DFL (0) and SIG_IGN (1) are none
const waiting = 0x500n; // uint8: a record of this classic signal has not been read yet
const running = 0x600n; // int32: how many threads are inside the handler

/** What both pages need; the kernel rounds up to whole pages of its own. */
const pageBytes = 4096n;

/** The instructions for one kind of processor. `tableAt` is where among them the table's address stands. */
interface HandlerCode {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly tableAt: number;
}

// On entry: edi the signal, rsi the siginfo, rdx the context. The kernel stands off the red zone by itself; syscall destroys rcx and r11. The
// locked instructions are full barriers, so the descriptor is read after the counter was raised.
//
// deno-fmt-ignore
const x86_64: HandlerCode = {
  tableAt: 2,
  bytes: Uint8Array.of(
    0x49, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0,               //          movabs r8, table
    0xf0, 0x41, 0xff, 0x80, 0x00, 0x06, 0x00, 0x00,   //          lock inc dword ptr [r8 + running]
    0x41, 0x8b, 0x04, 0xb8,                           //          mov eax, [r8 + rdi*4 + descriptors]
    0x85, 0xc0,                                       //          test eax, eax
    0x78, 0x3a,                                       //          js done
    0x83, 0xff, 0x20,                                 //          cmp edi, 32
    0x72, 0x13,                                       //          jb classic
    0x8d, 0x4f, 0xff,                                 //          lea ecx, [rdi - 1]
    0x48, 0x0f, 0xab, 0x8a, 0x28, 0x01, 0x00, 0x00,   //          bts qword ptr [rdx + 296], rcx   ; uc_sigmask
    0x4c, 0x39, 0x46, 0x18,                           //          cmp [rsi + 24], r8               ; si_value
    0x74, 0x24,                                       //          je done
    0xeb, 0x0e,                                       //          jmp write
    0xb1, 0x01,                                       // classic: mov cl, 1
    0x41, 0x86, 0x8c, 0x38, 0x00, 0x05, 0x00, 0x00,   //          xchg [r8 + rdi + waiting], cl
    0x84, 0xc9,                                       //          test cl, cl
    0x75, 0x14,                                       //          jne done
    0x57,                                             // write:   push rdi
    0x56,                                             //          push rsi
    0x52,                                             //          push rdx
    0x89, 0xc7,                                       //          mov edi, eax
    0xba, 0x20, 0x00, 0x00, 0x00,                     //          mov edx, 32                      ; RECORD_BYTES
    0xb8, 0x01, 0x00, 0x00, 0x00,                     //          mov eax, 1                       ; write
    0x0f, 0x05,                                       //          syscall
    0x5a,                                             //          pop rdx
    0x5e,                                             //          pop rsi
    0x5f,                                             //          pop rdi
    0x49, 0x8b, 0x84, 0xf8, 0x00, 0x02, 0x00, 0x00,   // done:    mov rax, [r8 + rdi*8 + previous]
    0xf0, 0x41, 0xff, 0x88, 0x00, 0x06, 0x00, 0x00,   //          lock dec dword ptr [r8 + running]
    0x48, 0x83, 0xf8, 0x01,                           //          cmp rax, 1
    0x76, 0x02,                                       //          jbe return
    0xff, 0xe0,                                       //          jmp rax
    0xc3,                                             // return:  ret
  ),
};

// On entry: w0 the signal, x1 the siginfo, x2 the context. svc destroys x0 alone. The store of an exclusive pair does not hold back loads that
// come later, hence the barrier. x16 at the end, because a handler that starts with `bti c` may be branched to by that register.
//
// deno-fmt-ignore
const aarch64: HandlerCode = {
  tableAt: 0xc0,
  bytes: new Uint8Array(Uint32Array.of(
    0x58000609,      //          ldr x9, table
    0x9118012a,      //          add x10, x9, #running
    0x885ffd4b,      // 1:       ldaxr w11, [x10]
    0x1100056b,      //          add w11, w11, #1
    0x880cfd4b,      //          stlxr w12, w11, [x10]
    0x35ffffac,      //          cbnz w12, 1b
    0xd5033bbf,      //          dmb ish
    0xb860592d,      //          ldr w13, [x9, w0, uxtw #2]   ; descriptors
    0x37f8038d,      //          tbnz w13, #31, done
    0x7100801f,      //          cmp w0, #32
    0x54000163,      //          b.lo classic
    0x5100040b,      //          sub w11, w0, #1
    0xd280002c,      //          mov x12, #1
    0x9acb218c,      //          lsl x12, x12, x11
    0xf940144e,      //          ldr x14, [x2, #40]           ; uc_sigmask
    0xaa0c01ce,      //          orr x14, x14, x12
    0xf900144e,      //          str x14, [x2, #40]
    0xf9400c2e,      //          ldr x14, [x1, #24]           ; si_value
    0xeb0901df,      //          cmp x14, x9
    0x54000220,      //          b.eq done
    0x14000008,      //          b write
    0x9114012a,      // classic: add x10, x9, #waiting
    0x8b20414a,      //          add x10, x10, w0, uxtw
    0x5280002b,      //          mov w11, #1
    0x085ffd4c,      // 2:       ldaxrb w12, [x10]
    0x080efd4b,      //          stlxrb w14, w11, [x10]
    0x35ffffce,      //          cbnz w14, 2b
    0x3500012c,      //          cbnz w12, done
    0xaa0003ee,      // write:   mov x14, x0
    0xaa0203ef,      //          mov x15, x2
    0x2a0d03e0,      //          mov w0, w13
    0xd2800402,      //          mov x2, #32                  ; RECORD_BYTES
    0xd2800808,      //          mov x8, #64                  ; write
    0xd4000001,      //          svc #0
    0xaa0e03e0,      //          mov x0, x14
    0xaa0f03e2,      //          mov x2, x15
    0x9108012a,      // done:    add x10, x9, #previous
    0xf8605950,      //          ldr x16, [x10, w0, uxtw #3]
    0x9118012a,      //          add x10, x9, #running
    0x885ffd4b,      // 3:       ldaxr w11, [x10]
    0x5100056b,      //          sub w11, w11, #1
    0x880cfd4b,      //          stlxr w12, w11, [x10]
    0x35ffffac,      //          cbnz w12, 3b
    0xf100061f,      //          cmp x16, #1
    0x54000049,      //          b.ls return
    0xd61f0200,      //          br x16
    0xd65f03c0,      // return:  ret
    0xd503201f,      //          nop
    0, 0,            // table:   .quad
  ).buffer),
};

const codes: Readonly<Record<string, HandlerCode | undefined>> = { x86_64, aarch64 };

const PROT_READ = 1;
const PROT_WRITE = 2;
const PROT_EXEC = 4;
const MAP_PRIVATE_ANONYMOUS = 0x22;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

const addressCell = new BigUint64Array(1);
const intCell = new Int32Array(1);

/** A handler in memory, with a table of its own. */
export class SignalHandler {
  /** What sigaction is given. */
  readonly address: Address;
  /** The value of a real-time signal that only asks the thread to block it. */
  readonly blockRequest: bigint;
  readonly #table: Address;

  private constructor(address: Address, table: Address) {
    this.address = address;
    this.blockRequest = table;
    this.#table = table;
  }

  /** Puts a handler into memory: −EOPNOTSUPP on an unknown processor, −EACCES or −EPERM where such a page is refused. */
  static create(): SignalHandler | Result {
    const code = codes[Deno.build.arch];
    if (code === undefined) return -Errno.EOPNOTSUPP;
    const table = mapPage();
    if (typeof table === "number") return table;
    libc.copyTo(table + descriptors, new Int32Array(LAST_SIGNAL + 1).fill(-1), BigInt((LAST_SIGNAL + 1) * 4));
    const address = mapCode(code, table);
    if (typeof address === "bigint") return new SignalHandler(address, table);
    libc.munmap(table, pageBytes);
    return address;
  }

  /** From now on the signal is written to the descriptor; afterwards the handler jumps to `next`, 0 for none. */
  arm(signal: number, descriptor: Handle, next: Address): void {
    addressCell[0] = next;
    libc.copyTo(this.#table + previous + BigInt(signal * 8), addressCell, 8n);
    this.expect(signal);
    this.#setDescriptor(signal, descriptor);
  }

  /** From now on the signal is written nowhere. The handler goes on jumping where it did. */
  disarm(signal: number): void {
    this.#setDescriptor(signal, -1);
  }

  /** Lets another record of a classic signal be written. */
  expect(signal: number): void {
    libc.fill(this.#table + waiting + BigInt(signal), 0, 1n);
  }

  /** Whether a thread is inside the handler, and may be about to write to a descriptor that has just been taken out of the table. */
  isRunning(): boolean {
    libc.copyFrom(intCell, this.#table + running, 4n);
    return intCell[0] !== 0;
  }

  #setDescriptor(signal: number, descriptor: Handle): void {
    intCell[0] = descriptor;
    libc.copyTo(this.#table + descriptors + BigInt(signal * 4), intCell, 4n);
  }
}

/**
 * Whether `address` is a handler of this kind, made by another isolate of the process, that writes the signal to some descriptor.
 *
 * Only what begins a page is looked at, as all of these do: so much can be read without running into a page that is not there.
 */
export function isArmedHandler(address: Address, signal: number): boolean {
  const code = codes[Deno.build.arch];
  if (code === undefined || address < pageBytes || address % pageBytes !== 0n) return false;
  const bytes = bytesAt(address, code.bytes.length);
  const view = new DataView(bytes.buffer);
  const table = view.getBigUint64(code.tableAt, true);
  view.setBigUint64(code.tableAt, 0n, true);
  if (bytes.some((byte, at) => byte !== code.bytes[at])) return false;
  libc.copyFrom(intCell, table + descriptors + BigInt(signal * 4), 4n);
  return intCell[0] >= 0;
}

function mapCode(code: HandlerCode, table: Address): Address | Result {
  const address = mapPage();
  if (typeof address === "number") return address;
  const bytes = code.bytes.slice();
  new DataView(bytes.buffer).setBigUint64(code.tableAt, table, true);
  libc.copyTo(address, bytes, BigInt(bytes.length));
  // The kernel brings the instruction caches up to date when it makes a page executable for the first time.
  if (libc.mprotect(address, pageBytes, PROT_READ | PROT_EXEC) === 0) return address;
  const refused = failure();
  libc.munmap(address, pageBytes);
  return refused;
}

function mapPage(): Address | Result {
  const address = libc.mmap(0n, pageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0n);
  return address === MAP_FAILED ? failure() : address;
}
