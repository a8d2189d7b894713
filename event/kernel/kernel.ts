/**
 * The kernel contract: the only door to the operating system.
 *
 * A kernel is what a loop stands on. It decides nothing: no order, no priority, no policy; all of that is the loop's, so
 * that it is the same on every kernel. What a kernel promises, and every loop relies on:
 *
 * 1. No call waits, but `poll` with a timeout. No call runs code of the caller, but `Poller.onWake`, and that one only from a
 *    turn of the host of its own, never from inside another call.
 * 2. Results are numbers: zero or more is a success, less than zero is a negated errno. Calls that answer with more than a
 *    number answer with the negated errno instead when they fail. Nothing is thrown but by the constructors.
 * 3. A failed call has changed nothing and left nothing behind.
 * 4. A handle names something open: a descriptor on Linux, a number of the kernel's own elsewhere. Whoever opened it closes it,
 *    once. Handles that a call makes are close-on-exec and do not block. EBADF for what is not open.
 * 5. Readiness is a level unless ET is asked for: what is ready and stays ready is reported by every poll. ERR and HUP are
 *    reported unasked. One handle is watched at most once by a poller: EEXIST. What cannot be waited for (a regular file): EPERM.
 * 6. `poll` fills `readyTokens` and `readyEvents` from 0 on and answers how many; what they hold is good until the next poll. A
 *    full batch may be followed by more: poll again with 0. It may answer 0 early, and EINTR when a signal handler ran. It is
 *    never early without cause: with nothing ready it waits at least its timeout.
 * 7. What poll does not report as a token, it notes in a flag, which the loop clears: `clocksFired`, one bit for each clock whose
 *    wake-up came; `signalsQueued` says how many records wait for `takeSignal`.
 * 8. A wake-up is absolute on its clock, one a clock; a new one replaces the old. A time that has passed fires at once; a wake-up
 *    fires once. `Infinity` takes it back.
 * 9. Signals are claimed for the whole process, by one poller at a time: EBUSY. A claimed signal has no other effect than a
 *    record; SIGCHLD is passed on to the host as well. A classic signal that already waits is not recorded a second time,
 *    real-time signals are all kept. `takeSignal` answers the lowest number of the set that waits, each number first in first
 *    out. When the last claim goes, what the signal did before comes back. Without `siginfo` a record has the number alone, listeners of the host's hear
 *    of the signal too, and what the host cannot listen to is EOPNOTSUPP.
 * 10. A process is named by a handle that outlives its number. `peekProcess` looks at a state change and leaves it there;
 *    `reapProcess` consumes it. The kernel never reaps by itself. Where `poll` cannot wait for everything,
 *    `reapKilledProcess` does not wait either: it lets go of the process, which the host reaps.
 * 11. Readiness is one half, completions are the other: `start` begins what can only be promised (resolving a name, a whole file) and
 *    `poll` reports its token with the event word COMPLETED; `takeCompletion` then, and not before, gives the result, once. `stop` asks the operation to
 *    end: it is reported as soon as nothing of it goes on, with −ECANCELED unless it came to something else before. One that
 *    cannot be stopped goes on. `abandon` lets go of it: it is stopped if it can be, and not reported.
 * 12. `park` asks for one call of `onWake` as soon as a poll would have something to say. At most one is outstanding; asking
 *    again while it is does nothing. `wake` brings it about. Parking consumes nothing. `onWake` may be called without need; when
 *    `parked` is still true then, it will be called again.
 * 13. `turn("tasks")` gives the host's tasks and microtasks a turn, `turn("io")` its timers and sockets too. Both settle by
 *    themselves, however busy the host is.
 * 14. Pressure is told of by files. One of the system's own wants a configuration written to it, whole and before it is watched: it
 *    then reports PRI each time that there was such pressure, once. Somebody else's (a FIFO, a device, a socket) reports IN.
 * 15. A handle for changes of time is readable from each setting of the realtime clock on until it was read.
 * 16. A file is watched as itself, whatever its name: `openPath` gives a handle of it that neither reads nor writes. While that is
 *    open the file lives on, also removed from its directory. A file watcher is readable when records wait; `tryRead` takes as many as
 *    fit, each a struct inotify_event, −EINVAL when not even the first fits; 272 bytes have room for any. A watcher has one watch of a
 *    file: to watch it again changes the mask and answers the same number. Numbers are positive, and not soon given again. The last
 *    record of a watch that was ended, or whose file is gone, is IGNORED. A record that says the same as the last that waits is merged
 *    with it. Where too many wait, new ones are lost, also that last one, and after those that were kept stands Q_OVERFLOW, number −1.
 *    Without `inotify` only what differs from one look to the next is told: ATTRIB, CREATE, DELETE, DELETE_SELF, MODIFY, and a mask with more is
 *    EOPNOTSUPP; a file that is not at its path any more counts as deleted.
 * 17. Files are read and written whole, by operations. They follow links, and whatever they open is closed when they are
 *    reported. `readFile` comes to the bytes: all up to the end, whatever the file's size is said to be. −EFBIG when that is more
 *    than `limitBytes`, −EISDIR for a directory. Of a FIFO it waits for a writer, and for the end of the last one; to write to one
 *    that nobody reads is −ENXIO. `writeFile` comes to 0 when all of `data` was taken, which does not change meanwhile; a missing
 *    file is made, with `mode` less the umask. Three methods: "in-place" empties the file first, "append" does not, and of both a
 *    failure leaves what was written so far. "replace" writes a new file beside it that takes its name (of a link, the link's) when
 *    it is whole and on the disk; a failure leaves all as it was. Both can be stopped, between two pieces and while they wait for
 *    somebody else.
 * 18. `tryReceive` and `trySend` move one message of a datagram socket, an empty one too: whole, or as much as the buffers take, and TRUNC says
 *    that the rest is lost. Of a stream they move bytes, as `tryRead` and `tryWrite` do. They never wait, also not on a handle that blocks, and
 *    make no signal. A datagram socket is readable while a message waits, and writable while it has room for one on its way out. What comes over
 *    the network and finds no room is lost.
 * 19. Handles travel with a message between AF_UNIX sockets (`descriptor-passing`), and with at least one byte: −EINVAL without. All of them are
 *    sent with the first byte, or none; −EOPNOTSUPP where the socket cannot carry them. What arrives are new handles of the same open things, the
 *    receiver's, close-on-exec. Those beyond `maxHandles` are closed or never made, and CTRUNC says so; `tryRead` is a receiver that takes none.
 *    In a stream the bytes of a message with handles, and those before it, do not come in one call with bytes after it. PEEK makes new handles
 *    each time, and in a stream perhaps those of a message behind the bytes that fit.
 * 20. A stream that was opened with TLS is on its way until the handshake is done, and what fails in there is an error of the stream: EKEYREJECTED
 *    for a certificate that is not accepted, EPROTO for most of the rest. A listener with TLS answers with connections whose handshake is done;
 *    one that fails is passed over. The end of a stream is also that of its secret: a connection that breaks off may read as ended.
 *
 * Every kernel passes the suite in `tests/kernel/`.
 *
 * @module
 */

import type { ClockIndex, Usec } from "../time.ts";

/**
 * Something a kernel may have or lack; to ask for what it lacks is EOPNOTSUPP. `descriptors`: a handle is the system's own
 * descriptor. Elsewhere it is a number of the kernel's: from 2^20 up, in a simulation from 3. `blocking`: `poll` can wait for everything. Without it,
 * it can wait for time alone: where it would have to wait and something is awaited that the host's own event loop brings, it is EOPNOTSUPP. `nesting`: a
 * poller has a handle that another poller can watch. `pidfd`: any process has a handle, and a child tells of being stopped and continued too;
 * without it only this process and the children of the kernel's own `spawn` have one. The rest name what they say.
 */
export type KernelFeature =
  | "descriptors"
  | "blocking"
  | "nesting"
  | "siginfo"
  | "pidfd"
  | "inotify"
  | "pressure"
  | "datagrams"
  | "descriptor-passing"
  | "tls";

/** What there may be too little of. */
export type PressureResource = "memory" | "cpu" | "io";

/** Zero or more is a success, less than zero a negated errno. */
export type Result = number;

/** A descriptor, or what the kernel has in its place. */
export type Handle = number;

/** The bit in `Poller.readyEvents` that says: this is a completion's token. */
export const COMPLETED = 0x4000_0000;

/** A kernel: see the contract at the head of this module. */
export interface Kernel {
  /** `"linux"`, `"portable"`, `"simulated"`. */
  readonly name: string;
  /** What it has. */
  readonly features: ReadonlySet<KernelFeature>;
  /** How many promises of the host are being waited for: a virtual clock must not jump meanwhile. Counted by the futures. */
  hostWaits: number;

  /** A new poller, for one loop. */
  openPoller(): Poller | Result;
  /** The time on a clock, whole microseconds rounded down. The alarm clocks read as the clocks they are based on. */
  now(clock: ClockIndex): Usec;
  /** The 16 bytes that name this boot of the machine, for spreading wake-ups; `undefined` where there are none. */
  bootId(): Uint8Array | undefined;
  /** A variable of the environment; `undefined` when it is not set. */
  environment(name: string): string | undefined;
  /** This process's own number. */
  readonly pid: number;

  /** Reads what is there: a count, 0 at the end, −EAGAIN when nothing is. With `isSocket` the handle is one, which may be told to make it cheaper. */
  tryRead(handle: Handle, buffer: Uint8Array, isSocket?: boolean): Result;
  /** Writes what fits: a count, −EAGAIN when nothing does, −EPIPE (never a signal) when nobody reads. `isSocket` as with {@linkcode tryRead}. */
  tryWrite(handle: Handle, data: Uint8Array, isSocket?: boolean): Result;
  /** As {@linkcode tryRead}, into several buffers one after the other. Of more than 1024 the first 1024 count. */
  tryReadVector(handle: Handle, buffers: readonly Uint8Array[]): Result;
  /** As {@linkcode tryWrite}, several pieces in one call. Of more than 1024 the first 1024 count. */
  tryWriteVector(handle: Handle, data: readonly Uint8Array[]): Result;
  /**
   * Takes a message, or what a stream has: a count, −EAGAIN when nothing waits, −EMSGSIZE for more than 1024 buffers.
   *
   * @param flags Of MessageFlag: PEEK leaves it there, TRUNC counts the whole message, also what did not fit; of TCP it only counts, and
   * throws away. −EINVAL for others.
   * @param maxHandles How many handles it may bring. 0 without a `message`.
   * @param message Filled in when it succeeds; `undefined` when nobody wants to know.
   */
  tryReceive(
    handle: Handle,
    buffers: readonly Uint8Array[],
    flags: number,
    maxHandles: number,
    message: ReceivedMessage | undefined,
  ): Result;
  /**
   * Sends a message, or what fits into a stream: a count, −EAGAIN when there is no room, here or, over AF_UNIX, in the receiver's queue. −EMSGSIZE for a
   * message that can never be sent in one, and for more than 1024 pieces.
   *
   * @param address Where to. `undefined`: where the socket is connected to; −EDESTADDRREQ (UDP) or −ENOTCONN where it is not. The hostname is numeric.
   * @param handles What goes along; at most 253, else −EINVAL.
   */
  trySend(handle: Handle, data: readonly Uint8Array[], address: SocketAddress | undefined, handles: readonly Handle[]): Result;
  /** Takes a connection of a listener: its handle, −EAGAIN when none waits. */
  tryAccept(handle: Handle): Result;
  /** A second handle for the same open thing. */
  duplicate(handle: Handle): Result;
  /** Closes it; gone whatever the answer. */
  close(handle: Handle): Result;
  /** Makes its calls wait or not; answers 1 if they waited before, 0 if not. */
  setBlocking(handle: Handle, blocking: boolean): Result;
  /** A pipe: what is written to the second comes out of the first. */
  openPipe(): [reader: Handle, writer: Handle] | Result;

  /**
   * A socket that listens. The hostname is a numeric address.
   *
   * @param tls Make each connection secure. −EOPNOTSUPP without the feature `tls`, −EBADMSG for a certificate or key that cannot be used.
   */
  openListener(address: ListenAddress, tls?: ServerTls): Result;
  /**
   * A stream on its way to the address, writable when it got there or failed: `socketError` says which. The hostname is numeric.
   *
   * @param tls Make it secure. −EOPNOTSUPP without the feature `tls`, −EBADMSG for a certificate or key that cannot be used.
   */
  openStream(address: SocketAddress, tls?: ClientTls): Result;
  /** The protocol that the two sides of a secure stream have agreed upon; `undefined` where there is none. */
  alpnProtocol(handle: Handle): string | undefined | Result;
  /** A datagram socket, UDP or AF_UNIX. The hostname is numeric. −EOPNOTSUPP without `datagrams`. */
  openDatagram(address: DatagramAddress): Result;
  /** Two AF_UNIX sockets that are connected with each other. −EOPNOTSUPP without `descriptor-passing`. */
  openSocketPair(kind: "stream" | "datagram"): [Handle, Handle] | Result;
  /**
   * Makes `handle`, a socket of the caller's, go to the address: 0, or −EINPROGRESS and it is writable when done. A datagram socket is there at once: it
   * sends there from now on, and receives from there alone.
   */
  connectSocket(handle: Handle, address: SocketAddress): Result;
  /** Takes the error that a socket holds: 0 or a negated errno; −ENOTSOCK for anything else. */
  socketError(handle: Handle): Result;
  /** Where the socket is bound; `undefined` where it has no name. */
  localAddress(handle: Handle): SocketAddress | undefined | Result;
  /** Where the other end is bound; `undefined` where that has no name. */
  remoteAddress(handle: Handle): SocketAddress | undefined | Result;
  /** Ends the writing direction of a stream. */
  closeWrite(handle: Handle): Result;
  /** Removes a socket file; −ENOENT where there is none. */
  removeSocketFile(path: string): Result;

  /** Sends one datagram to the AF_UNIX socket at a path, and waits for no room there: how many bytes. */
  sendDatagram(path: string, data: Uint8Array): Result;

  /** Where the system itself tells of pressure on a resource, the nearest place first; −EOPNOTSUPP where it does not. */
  pressurePaths(resource: PressureResource): readonly string[] | Result;
  /**
   * Opens what tells of pressure; `writable`: a configuration is to be written to it. −EISDIR for a directory, −ENOTTY for a file that is none of
   * the system's own, −EBADF for what cannot tell of anything.
   */
  openPressure(path: string, writable: boolean): OpenedPressure | Result;
  /** A handle for changes of time; reading it answers −ECANCELED when there was one, −EAGAIN when not. */
  openTimeChange(): Result;

  /** Starts a process. */
  spawn(command: SpawnCommand): SpawnedProcess | Result;
  /** A handle for the process of this number: −ESRCH when it is gone. */
  openProcess(pid: number): Result;
  /** The number of the process behind a handle: −ENOTTY for no process handle, −EREMOTE for a foreign one, −ESRCH when reaped. */
  processId(handle: Handle): Result;
  /** Looks for a state change of the kinds in `options` (a ChildEvent word) and leaves it: 1 and `record` is filled, else 0. */
  peekProcess(handle: Handle, options: number, record: ProcessRecord): Result;
  /** As {@linkcode peekProcess}, and consumes it. */
  reapProcess(handle: Handle, options: number, record: ProcessRecord): Result;
  /** Waits until the process has ended and reaps it; for a process that was just killed. */
  reapKilledProcess(handle: Handle): Result;
  /** Sends a signal, with a value where one is given. −ESRCH when it is gone. */
  signalProcess(handle: Handle, signal: number, value: number | undefined): Result;
  /** 1 when the system reaps children by itself (SIGCHLD is ignored), so that nobody can wait for them. */
  reapsAutomatically(): Result;

  /** A file watcher, without any watches. */
  openFileWatcher(): Result;
  /** A handle of the file at this path. Of `mask`, a WatchEvent word, ONLYDIR and DONT_FOLLOW count. */
  openPath(path: string, mask: number): Result;
  /** Which file stands behind a handle: the same text for the same file, until it is gone. */
  inodeOf(handle: Handle): string | Result;
  /** Where the file behind a handle is now; −ENOSYS where the system cannot tell. */
  pathOf(handle: Handle): string | Result;
  /** Watches the file behind `file` for a WatchEvent word, or for another one from now on: the number of the watch. */
  addFileWatch(watcher: Handle, file: Handle, mask: number): Result;
  /** Ends a watch. −EINVAL when there is none of this number. */
  removeFileWatch(watcher: Handle, watch: number): Result;

  /** Gives the host a turn. */
  turn(kind: "tasks" | "io"): Promise<void>;
}

/** What one loop polls with. */
export interface Poller {
  /** By which another poller can watch this one: readable when poll would report something. −EOPNOTSUPP without `nesting`. */
  readonly handle: Result;
  /** Whether a poll sees what arrives while the host has no turn, so that it may be worth the while to poll again at once. */
  readonly seesArrivals: boolean;
  /** Whether a poll that waits misses nothing for want of a turn of the host's, and time passes as it does: so it may wait a little in place of a park. */
  readonly canNap: boolean;
  /** After poll: whose readiness it is. A poll may replace the two arrays by larger ones. */
  readonly readyTokens: Int32Array;
  /** After poll: what is ready, an IoEvent word, or COMPLETED. */
  readonly readyEvents: Int32Array;
  /** One bit a clock: its wake-up came since the bit was cleared. */
  clocksFired: number;
  /** How many records wait for `takeSignal`. */
  readonly signalsQueued: number;

  /** Watches for `events`, an IoEvent word; `oneshot`: only until the first report. The token comes back with the readiness. */
  watch(handle: Handle, events: number, oneshot: boolean, token: number): Result;
  /** Watches for something else from now on; with ET an edge that is there is reported again. −ENOENT when it is not watched. */
  rewatch(handle: Handle, events: number, oneshot: boolean, token: number): Result;
  /** Stops watching. −ENOENT when it is not watched. */
  unwatch(handle: Handle): Result;
  /** Looks for what is ready, waiting for it as long as `timeout`, in microseconds. */
  poll(timeout: Usec): Result;

  /** Makes sure that wake-ups by this clock can be had: −EPERM or −EOPNOTSUPP where the alarm clocks cannot. */
  openClock(clock: ClockIndex): Result;
  /** Wakes poll and park at this time; 0 is a time long past. */
  setWakeup(clock: ClockIndex, usec: Usec): Result;

  /** Claims a signal for this poller. −EBUSY when another one of the process has it, −EINVAL for one that cannot be caught. */
  claimSignal(signal: number): Result;
  /** Lets go of it, and of the records of it that wait. */
  releaseSignal(signal: number): void;
  /** The next record of the set, ascending signal numbers; `undefined` when none waits. */
  takeSignal(set: readonly number[]): SignalRecord | undefined;
  /** Whether one of the set waits. */
  hasSignal(set: readonly number[]): boolean;

  /** Begins an operation: 0, and poll will report the token. */
  start(operation: KernelOperation, token: number): Result;
  /** What it came to, once. */
  takeCompletion(token: number): CompletionResult | undefined;
  /** Asks it to end early; it is reported all the same. */
  stop(token: number): void;
  /** Lets go: its token is not reported any more, and may be used again at once. */
  abandon(token: number): void;

  /** Called when a park ends; `undefined` while nobody waits for that, and what is kept for parks may go then. */
  onWake: (() => void) | undefined;
  /** A call of `onWake` is outstanding. */
  readonly parked: boolean;
  /** Asks for a call of `onWake`. The time of `limitPark` counts too. */
  park(): void;
  /** Brings the outstanding call of `onWake` about. */
  wake(): void;
  /** How long from now a park may last, in microseconds; `Infinity` is no limit. */
  limitPark(timeout: Usec): Result;

  /** Closes all of its own; the second time does nothing. Not while parked. */
  close(): void;
}

/** One signal that arrived. */
export interface SignalRecord {
  /** Its number. */
  readonly signal: number;
  /** An errno that came with it. */
  readonly errno: number;
  /** How it was sent, an SI_ number. */
  readonly code: number;
  /** Who sent it. */
  readonly pid: number;
  /** As which user. */
  readonly uid: number;
  /** The value of a queued one. */
  readonly value: number;
  /** SIGCHLD: the exit code or signal. */
  readonly status: number;
}

/** A state change of a process. `pid` 0: none. `code` as in siginfo: exited 1, killed 2, dumped 3, trapped 4, stopped 5, continued 6. */
export interface ProcessRecord {
  /** Whose change it is. */
  pid: number;
  /** The process's user. */
  uid: number;
  /** What changed. */
  code: number;
  /** The exit code where it exited, else the signal. */
  status: number;
}

/** What `Kernel.openPressure` found, the caller's: a file of the system's own, or a FIFO, device or socket of somebody else's. */
export interface OpenedPressure {
  /** Whose it is. */
  readonly kind: "system" | "other";
  /** Good to be watched: one of the system's own once its configuration was written. */
  readonly handle: Handle;
}

/** A host and port, or the path of an AF_UNIX socket, where a leading `@` means abstract. */
export type SocketAddress = {
  /** A name or a numeric address, IPv4 or IPv6. Default: the local host. */
  hostname?: string;
  /** 0 to 65535. */
  port: number;
} | {
  /** At most 107 bytes. */
  path: string;
};

/** Where a listener listens. */
export type ListenAddress = {
  /** A name or a numeric address. Default: `0.0.0.0`. */
  hostname?: string;
  /** 0 lets the system choose one. */
  port: number;
  /** How many connections may wait to be accepted. Default: 511. */
  backlog?: number;
  /** Let several listeners share the port. */
  reusePort?: boolean;
} | {
  /** At most 107 bytes; a leading `@` means abstract. */
  path: string;
  /** How many connections may wait to be accepted. Default: 511. */
  backlog?: number;
};

/** A certificate, and the key that it belongs to: both PEM. */
export interface TlsIdentity {
  /** With those of the authorities in between behind it. */
  readonly cert: string;
  /** Without a passphrase. */
  readonly key: string;
}

/** How a client makes a stream secure. */
export interface ClientTls {
  /** The name, or numeric address, that the server's certificate must be for. */
  readonly serverName: string;
  /** Who is trusted to sign that, besides the authorities that the host trusts: PEM, one each. */
  readonly caCerts: readonly string[];
  /** Who the client is, for servers that want to know. */
  readonly identity: TlsIdentity | undefined;
  /** The protocols to choose from, the best first; none: it is not spoken of. */
  readonly alpnProtocols: readonly string[];
}

/** How a server makes its connections secure. */
export interface ServerTls {
  /** Who it is. */
  readonly identity: TlsIdentity;
  /** The protocols to choose from, the best first. A client that names others alone is refused. */
  readonly alpnProtocols: readonly string[];
}

/** Where a datagram socket is bound. */
export type DatagramAddress = {
  /** A numeric address. Default: `0.0.0.0`. `::` takes in IPv4 as well. */
  hostname?: string;
  /** 0 lets the system choose one. */
  port: number;
  /** Let several sockets share the port. */
  reusePort?: boolean;
  /** Let it send to broadcast addresses, else EACCES. */
  broadcast?: boolean;
} | {
  /** At most 107 bytes; a leading `@` means abstract. An empty one makes a socket without a name, which nobody can answer. */
  path: string;
};

/** What came with the bytes of a message. */
export interface ReceivedMessage {
  /** Who sent it; `undefined` over TCP, and for a sender without a name. */
  address: SocketAddress | undefined;
  /** What was passed along, the receiver's. */
  handles: readonly Handle[];
  /** Of MessageFlag: TRUNC and CTRUNC say what was lost. */
  flags: number;
}

/** One of a process's three streams: a handle of the caller's, the kernel's own pipe, nothing, or what this process has. */
export type SpawnStdio = "inherit" | "null" | "piped" | { fd: Handle };

/** What a kernel needs to start a process. */
export interface SpawnCommand {
  /** A path, or a name that is looked up in PATH. */
  readonly command: string;
  /** Without the command's own name. */
  readonly args: readonly string[];
  /** Where it starts; `undefined`: where this process is. */
  readonly cwd: string | undefined;
  /** Added to the environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Leave this process's environment out. */
  readonly clearEnv: boolean;
  /** Its standard input. */
  readonly stdin: SpawnStdio;
  /** Its standard output. */
  readonly stdout: SpawnStdio;
  /** Its standard error. */
  readonly stderr: SpawnStdio;
  /** Give it a process group of its own. */
  readonly processGroup: boolean;
}

/** What came of it. The pipes' own ends are −1 where a stream is not piped; all handles are the caller's. */
export interface SpawnedProcess {
  /** Its number. */
  readonly pid: number;
  /** What names it for good. */
  readonly handle: Handle;
  /** The end to write to. */
  readonly stdin: Handle;
  /** The end to read from. */
  readonly stdout: Handle;
  /** The end to read from. */
  readonly stderr: Handle;
}

/** How a file is written: emptied first, at its end, or as a new file that takes its place. */
export type WriteMethod = "in-place" | "append" | "replace";

/** What `Poller.start` can begin. */
export type KernelOperation = ResolveOperation | ReadFileOperation | WriteFileOperation;

/** The numeric addresses of a hostname, in the resolver's order. */
export interface ResolveOperation {
  /** Which one it is. */
  readonly kind: "resolve";
  /** A name, or a numeric address. */
  readonly hostname: string;
}

/** The bytes of a file. */
export interface ReadFileOperation {
  /** Which one it is. */
  readonly kind: "readFile";
  /** Where it is. */
  readonly path: string;
  /** How many there may be; 0 and more. */
  readonly limitBytes: number;
}

/** 0 when all is written. */
export interface WriteFileOperation {
  /** Which one it is. */
  readonly kind: "writeFile";
  /** Where it is, or shall be. */
  readonly path: string;
  /** All that is to be written. */
  readonly data: Uint8Array;
  /** The permissions of a file that is made, before the umask. */
  readonly mode: number;
  /** How it is written. */
  readonly method: WriteMethod;
}

/** What an operation came to: the addresses, the bytes, 0, or a negated errno. */
export type CompletionResult = readonly string[] | Uint8Array | Result;
