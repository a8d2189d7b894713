/**
 * What is called in libc, and how.
 *
 * The types are chosen for speed and for the permission. A `buffer` is a typed array or `null`; an address is a `usize`, a bigint in JavaScript.
 * Together with integers they need no more than the permission for the one library file; a `pointer` needs the permission for all of FFI. A
 * JavaScript number given to a 64-bit parameter leaves the fast path of a call, so a length that is known to fit is declared as 32 bits: both
 * processors clear the upper half of a register that is written with 32 bits. A result that fits is declared as 32 bits for the same reason, and −1
 * stays −1.
 *
 * The host compiles machine code for every function when the library is opened: a fifth of a millisecond for each, and as much again where there
 * are buffers. So that is for the hot ones, which are called again and again, and those of them that are always given the same memory are told its
 * address (`fixedWords`), which makes the call shorter too. The cold ones are declared so that none is compiled; a call of them takes 150 ns more.
 * Since even so all of them take 5 ms, there are two tables: a program that has only started loads the first.
 *
 * What is declared `nonblocking` runs on a thread of the host's pool and must be given libc's memory only. Two names for one function are two ways
 * to call it.
 *
 * @module
 */

/** What a loop needs until it first asks the system for something: of that, what is called again and again. */
const firstHotSymbols = {
  clock_gettime: { parameters: ["i32", "usize"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** And what is called now and then. */
const firstColdSymbols = {
  __errno_location: { parameters: [], result: "usize" },
  copyFrom: { name: "memcpy", parameters: ["buffer", "usize", "usize"], result: "usize" },
  copyTo: { name: "memcpy", parameters: ["usize", "buffer", "usize"], result: "usize" },
  malloc: { parameters: ["usize"], result: "usize" },
  free: { parameters: ["usize"], result: "void" },
  close: { parameters: ["i32"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  timerfd_create: { parameters: ["i32", "i32"], result: "i32" },
  // Not needed, but the youngest of all: where it is missing libc cannot be used, and that has to be known at once.
  posix_spawn_file_actions_addchdir_np: { parameters: ["buffer", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** The rest: what is called again and again. */
const hotSymbols = {
  copyFrom: { name: "memcpy", parameters: ["buffer", "usize", "usize"], result: "usize" },
  read: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "usize"], result: "i32" },
  epoll_wait: { parameters: ["i32", "usize", "i32", "i32"], result: "i32" },
  timerfd_settime: { parameters: ["i32", "i32", "usize", "usize"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** And what is called now and then. */
const coldSymbols = {
  // Strings and surroundings.
  strlen: { parameters: ["usize"], result: "usize" },
  getenv: { parameters: ["buffer"], result: "usize" },

  // Descriptors.
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  ioctl: { parameters: ["i32", "usize", "buffer"], result: "i32" },
  readv: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  writev: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  unlink: { parameters: ["buffer"], result: "i32" },

  // Whole files. What a disk may keep waiting is called on a thread, and once more here to learn why it failed.
  openOnThread: { name: "open", parameters: ["usize", "i32", "u32"], result: "i32", nonblocking: true },
  readOnThread: { name: "read", parameters: ["i32", "usize", "u32"], result: "i32", nonblocking: true },
  writeOnThread: { name: "write", parameters: ["i32", "usize", "u32"], result: "i32", nonblocking: true },
  fsyncOnThread: { name: "fsync", parameters: ["i32"], result: "i32", nonblocking: true },
  closeOnThread: { name: "close", parameters: ["i32"], result: "i32", nonblocking: true },
  rename: { parameters: ["buffer", "buffer"], result: "i32" },
  renameOnThread: { name: "rename", parameters: ["usize", "usize"], result: "i32", nonblocking: true },
  unlinkOnThread: { name: "unlink", parameters: ["usize"], result: "i32", nonblocking: true },

  // Files. Not every musl has statx, so it is called by its number.
  statx: { name: "syscall", parameters: ["usize", "i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
  fstatfs: { parameters: ["i32", "buffer"], result: "i32" },

  // Sockets.
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  accept4: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  socketpair: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  recvmsg: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  sendmsg: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  getaddrinfo: { parameters: ["usize", "usize", "usize", "usize"], result: "i32", nonblocking: true },
  freeaddrinfo: { parameters: ["usize"], result: "void" },

  // Waiting. glibc before 2.35 and musl have no epoll_pwait2, so it is called by its number.
  epoll_pwait2: { name: "syscall", parameters: ["usize", "i32", "usize", "i32", "buffer", "buffer", "usize"], result: "i32" },
  io_setup: { name: "syscall", parameters: ["usize", "u32", "buffer"], result: "i32" },
  io_submit: { name: "syscall", parameters: ["usize", "usize", "i32", "buffer"], result: "i32" },
  io_cancel: { name: "syscall", parameters: ["usize", "usize", "usize", "buffer"], result: "i32" },
  io_getevents: { name: "syscall", parameters: ["usize", "usize", "i32", "i32", "buffer", "buffer"], result: "i32" },
  poll: { parameters: ["buffer", "usize", "i32"], result: "i32" },
  pollOnThread: { name: "poll", parameters: ["usize", "usize", "i32"], result: "i32", nonblocking: true },

  // Signals and processes. glibc before 2.36 and musl have no pidfd_open, so that and its kin are called by their numbers.
  sigaction: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  pthread_sigmask: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  mmap: { parameters: ["usize", "usize", "i32", "i32", "i32", "i64"], result: "usize" },
  mprotect: { parameters: ["usize", "usize", "i32"], result: "i32" },
  munmap: { parameters: ["usize", "usize"], result: "i32" },
  signalfd: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  rt_tgsigqueueinfo: { name: "syscall", parameters: ["usize", "i32", "i32", "i32", "buffer"], result: "i32" },
  opendir: { parameters: ["buffer"], result: "usize" },
  readdir: { parameters: ["usize"], result: "usize" },
  closedir: { parameters: ["usize"], result: "i32" },
  fill: { name: "memset", parameters: ["usize", "i32", "usize"], result: "usize" },
  getuid: { parameters: [], result: "u32" },
  kill: { parameters: ["i32", "i32"], result: "i32" },
  waitid: { parameters: ["i32", "i32", "buffer", "i32"], result: "i32" },
  pidfd_open: { name: "syscall", parameters: ["usize", "i32", "u32"], result: "i32" },
  pidfd_send_signal: { name: "syscall", parameters: ["usize", "i32", "i32", "buffer", "u32"], result: "i32" },

  // Watching files.
  inotify_init1: { parameters: ["i32"], result: "i32" },
  inotify_add_watch: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  inotify_rm_watch: { parameters: ["i32", "i32"], result: "i32" },
  readlink: { parameters: ["buffer", "buffer", "u32"], result: "i32" },

  // Starting a process. A variable of libc is its address, and a `pointer` that is only handed on needs no further permission.
  environ: { type: "pointer" },
  addressOfVariable: { name: "memcpy", parameters: ["pointer", "buffer", "usize"], result: "usize" },
  posix_spawnp: { parameters: ["buffer", "usize", "buffer", "buffer", "usize", "usize"], result: "i32" },
  posix_spawn_file_actions_init: { parameters: ["buffer"], result: "i32" },
  posix_spawn_file_actions_destroy: { parameters: ["buffer"], result: "i32" },
  posix_spawn_file_actions_adddup2: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  posix_spawn_file_actions_addopen: { parameters: ["buffer", "i32", "buffer", "i32", "u32"], result: "i32" },
  posix_spawnattr_init: { parameters: ["buffer"], result: "i32" },
  posix_spawnattr_setflags: { parameters: ["buffer", "i16"], result: "i32" },
  posix_spawnattr_setsigdefault: { parameters: ["buffer", "buffer"], result: "i32" },
  posix_spawnattr_setsigmask: { parameters: ["buffer", "buffer"], result: "i32" },
  posix_spawnattr_setpgroup: { parameters: ["buffer", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** A part of libc that is opened by itself: what is compiled, and what is not. */
export interface SymbolTable {
  readonly hot: Deno.ForeignLibraryInterface;
  readonly cold: Deno.ForeignLibraryInterface;
}

export const firstSymbols = { hot: firstHotSymbols, cold: firstColdSymbols } as const satisfies SymbolTable;
export const otherSymbols = { hot: hotSymbols, cold: coldSymbols } as const satisfies SymbolTable;
