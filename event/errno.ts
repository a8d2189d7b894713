/**
 * Errors of the operating system: their numbers, their names, and the one error class that carries them.
 *
 * @module
 */

/** A symbolic errno name: `"EBUSY"`, `"ESTALE"`, `"ECANCELED"`, `"ETIME"`, and the rest of the Linux table. */
export type ErrorCode = `E${string}`;

/** The errno numbers of Linux on x86-64 and 64-bit Arm, by name. */
export const Errno: Readonly<Record<string, number>> = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  ENOEXEC: 8,
  EBADF: 9,
  ECHILD: 10,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  ENOTBLK: 15,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ENOTTY: 25,
  ETXTBSY: 26,
  EFBIG: 27,
  ENOSPC: 28,
  ESPIPE: 29,
  EROFS: 30,
  EMLINK: 31,
  EPIPE: 32,
  EDOM: 33,
  ERANGE: 34,
  EDEADLK: 35,
  ENAMETOOLONG: 36,
  ENOLCK: 37,
  ENOSYS: 38,
  ENOTEMPTY: 39,
  ELOOP: 40,
  ENOMSG: 42,
  EIDRM: 43,
  ECHRNG: 44,
  EL2NSYNC: 45,
  EL3HLT: 46,
  EL3RST: 47,
  ELNRNG: 48,
  EUNATCH: 49,
  ENOCSI: 50,
  EL2HLT: 51,
  EBADE: 52,
  EBADR: 53,
  EXFULL: 54,
  ENOANO: 55,
  EBADRQC: 56,
  EBADSLT: 57,
  EBFONT: 59,
  ENOSTR: 60,
  ENODATA: 61,
  ETIME: 62,
  ENOSR: 63,
  ENONET: 64,
  ENOPKG: 65,
  EREMOTE: 66,
  ENOLINK: 67,
  EADV: 68,
  ESRMNT: 69,
  ECOMM: 70,
  EPROTO: 71,
  EMULTIHOP: 72,
  EDOTDOT: 73,
  EBADMSG: 74,
  EOVERFLOW: 75,
  ENOTUNIQ: 76,
  EBADFD: 77,
  EREMCHG: 78,
  ELIBACC: 79,
  ELIBBAD: 80,
  ELIBSCN: 81,
  ELIBMAX: 82,
  ELIBEXEC: 83,
  EILSEQ: 84,
  ERESTART: 85,
  ESTRPIPE: 86,
  EUSERS: 87,
  ENOTSOCK: 88,
  EDESTADDRREQ: 89,
  EMSGSIZE: 90,
  EPROTOTYPE: 91,
  ENOPROTOOPT: 92,
  EPROTONOSUPPORT: 93,
  ESOCKTNOSUPPORT: 94,
  EOPNOTSUPP: 95,
  EPFNOSUPPORT: 96,
  EAFNOSUPPORT: 97,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENETDOWN: 100,
  ENETUNREACH: 101,
  ENETRESET: 102,
  ECONNABORTED: 103,
  ECONNRESET: 104,
  ENOBUFS: 105,
  EISCONN: 106,
  ENOTCONN: 107,
  ESHUTDOWN: 108,
  ETOOMANYREFS: 109,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EHOSTDOWN: 112,
  EHOSTUNREACH: 113,
  EALREADY: 114,
  EINPROGRESS: 115,
  ESTALE: 116,
  EUCLEAN: 117,
  ENOTNAM: 118,
  ENAVAIL: 119,
  EISNAM: 120,
  EREMOTEIO: 121,
  EDQUOT: 122,
  ENOMEDIUM: 123,
  EMEDIUMTYPE: 124,
  ECANCELED: 125,
  ENOKEY: 126,
  EKEYEXPIRED: 127,
  EKEYREVOKED: 128,
  EKEYREJECTED: 129,
  EOWNERDEAD: 130,
  ENOTRECOVERABLE: 131,
  ERFKILL: 132,
  EHWPOISON: 133,
  EWOULDBLOCK: 11,
  EDEADLOCK: 35,
  ENOTSUP: 95,
};

/** The canonical name of each number: the first that the table gives it. Made when somebody asks for one. */
let names: string[] | undefined;

function nameNumbers(): string[] {
  const names: string[] = [];
  for (const [name, number] of Object.entries(Errno)) names[number] ??= name;
  return names;
}

/** The name of a positive errno number; `E134` and the like for a number that has none. */
export function errorCode(errno: number): ErrorCode {
  return ((names ??= nameNumbers())[errno] ?? `E${errno}`) as ErrorCode;
}

/** What a {@linkcode SystemError} takes besides its code and message. */
export interface SystemErrorOptions extends ErrorOptions {
  /** The system call that failed, if one did. */
  syscall?: string;
}

/**
 * An error with an errno.
 *
 * `code` and `syscall` are as in Node's system errors; `errno` is the positive number of Linux (Node's is negative).
 *
 * @example Tell errors apart by their code
 * ```ts
 * import { SystemError } from "@sd/fibers";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new SystemError("EBUSY", "Cannot watch pid 7: already watched");
 * assertEquals(error.code, "EBUSY");
 * assertEquals(error.errno, 16);
 * ```
 */
export class SystemError extends Error {
  /** The symbolic name, such as `"EBUSY"`. */
  readonly code: ErrorCode;
  /** The positive number that Linux gives to `code`; 0 for a name that Linux does not know. */
  readonly errno: number;
  /** The system call that failed, if one did. */
  declare readonly syscall: string | undefined;

  /** Makes an error of this code; the message defaults to the code. */
  constructor(code: ErrorCode, message: string = code, options?: SystemErrorOptions) {
    super(message, options);
    this.code = code;
    this.errno = Errno[code] ?? 0;
    if (options?.syscall !== undefined) this.syscall = options.syscall;
  }

  /** The class's name, also for the subclasses that do not name themselves. */
  override get name(): string {
    return "SystemError";
  }
}

/** The error for what a kernel answered: `result` is a negative errno. */
export function systemError(result: number, message: string, syscall?: string): SystemError {
  return new SystemError(errorCode(-result), message, { syscall });
}

/** `result` itself, unless it is a negative errno: then that error is thrown, with the sentence that `describe` makes. */
export function check(result: number, describe: (code: ErrorCode) => string, syscall?: string): number {
  if (result < 0) throw systemError(result, describe(errorCode(-result)), syscall);
  return result;
}
