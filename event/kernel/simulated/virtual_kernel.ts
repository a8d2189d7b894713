/**
 * The simulated kernel's calls.
 *
 * @module
 */

import { Errno, SystemError } from "../../errno.ts";
import { IoEvent, WatchEvent } from "../../flags.ts";
import { type Signal, signalNumber } from "../../signal_names.ts";
import type { ClockIndex, Usec } from "../../time.ts";
import type {
  ClientTls,
  DatagramAddress,
  Handle,
  KernelFeature,
  ListenAddress,
  OpenedPressure,
  Poller,
  PressureResource,
  ProcessRecord,
  ReceivedMessage,
  Result,
  ServerTls,
  SignalRecord,
  SocketAddress,
  SpawnCommand,
  SpawnedProcess,
} from "../kernel.ts";
import { DatagramNetwork } from "./datagram_network.ts";
import { DatagramSocket } from "./datagram_socket.ts";
import { Descriptors } from "../emulated/descriptors.ts";
import { Faults } from "./faults.ts";
import { answersAgain, faultyRead, faultyWrite } from "./faulty_calls.ts";
import { FileTree } from "./file_tree.ts";
import { FileWatcher } from "./file_watches.ts";
import { afterTimers, inNextTurn } from "./host.ts";
import { PathFile } from "./inode.ts";
import { leakReport } from "./leak_report.ts";
import { Listener } from "./listener.ts";
import { tryReceive, trySend } from "./messages.ts";
import { Names } from "./names.ts";
import { Network } from "./network.ts";
import type { OpenFile } from "../emulated/open_file.ts";
import { Parking } from "./parking.ts";
import { gather, inBetween, scatter } from "../emulated/messages.ts";
import { defaultCapacityBytes, openPipe } from "../emulated/pipe.ts";
import { SimulatedPoller } from "./poller.ts";
import { PressureFile, PressureFiles } from "./pressure.ts";
import { ownPid, Processes, ProcessFile } from "./processes.ts";
import { Signals } from "./signals.ts";
import type { SimulatedKernel, SimulatedPressure, SimulatedPressureKind, SimulatedProcess, SimulationOptions } from "./simulated_kernel.ts";
import { Stream } from "./stream.ts";
import { TimeChanges } from "./time_change.ts";
import { Timeline } from "./timeline.ts";
import { VirtualClocks } from "./virtual_clocks.ts";
import type { World } from "./world.ts";

/** The first handle: those below are the standard streams'. */
const firstHandle = 3;

/** Who raises signals from outside, unless the test says otherwise: the service manager. */
const outsider = { errno: 0, code: 0, pid: 1, uid: 0, value: 0, status: 0 };

/** One virtual world and the calls on it. */
export class VirtualKernel implements SimulatedKernel {
  readonly name = "simulated";
  readonly features: ReadonlySet<KernelFeature> = new Set<KernelFeature>([
    "blocking",
    "nesting",
    "siginfo",
    "pidfd",
    "inotify",
    "pressure",
    "datagrams",
    "descriptor-passing",
  ]);
  readonly pid = ownPid;
  readonly seed: number;
  readonly turns: Record<"tasks" | "io", number> = { tasks: 0, io: 0 };
  readonly files: FileTree = new FileTree();
  readonly #options: SimulationOptions;
  readonly #world: World;
  readonly #network: Network;
  readonly #processes: Processes;
  readonly #datagrams: DatagramNetwork;
  readonly #timeChanges = new TimeChanges();
  #hostWaits = 0;
  /** Turns that were asked for and have not come: somebody goes on after each. */
  #turnsAhead = 0;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.seed = options.seed ?? 0;
    this.#world = this.#createWorld(options);
    this.#network = new Network(this.#world.timeline);
    this.#datagrams = new DatagramNetwork(this.#network, this.#world.faults);
    this.#processes = new Processes(this.#world);
  }

  get autoReap(): boolean {
    return this.#processes.reapsAutomatically;
  }

  set autoReap(on: boolean) {
    this.#processes.reapsAutomatically = on;
  }

  advance(usec: Usec): void {
    if (!(usec >= 0 && usec < Infinity)) throw new SystemError("EINVAL", `Cannot advance time by '${usec}': it only goes forward`);
    this.#world.timeline.advanceTo(this.#world.clocks.monotonic + usec);
  }

  setRealtime(usec: Usec): void {
    this.#world.clocks.setRealtime(usec);
    this.#timeChanges.tell();
    this.#world.timeline.runDue();
    this.#world.parking.lookSoon();
  }

  after(usec: Usec, action: () => void): void {
    if (!(usec >= 0)) throw new SystemError("EINVAL", `Cannot let something happen after '${usec}': that has passed`);
    this.#world.timeline.after(usec, action);
    this.#world.parking.lookSoon();
  }

  pipe(options?: { capacityBytes?: number }): { reader: Handle; writer: Handle } {
    const { capacityBytes = defaultCapacityBytes } = options ?? {};
    if (!Number.isInteger(capacityBytes) || capacityBytes < 1) {
      throw new SystemError("EINVAL", `Cannot open a pipe of '${capacityBytes}' bytes: its capacity is a whole number from 1 on`);
    }
    const { reader, writer } = openPipe(capacityBytes);
    return { reader: this.#open(reader), writer: this.#open(writer) };
  }

  socketPair(): [Handle, Handle] {
    const ends = [new Stream("unix"), new Stream("unix")];
    Stream.join(ends[0], ends[1]);
    return [this.#open(ends[0]), this.#open(ends[1])];
  }

  socket(family: "tcp" | "unix" = "tcp"): Handle {
    return this.#open(new Stream(family));
  }

  hostname(hostname: string, addresses: readonly string[]): void {
    this.#world.names.set(hostname, addresses);
  }

  raise(signal: Signal, info?: Partial<SignalRecord>): void {
    this.#world.signals.deliver({ ...outsider, ...info, signal: signalNumber(signal) });
  }

  datagrams(path: string): readonly Uint8Array[] {
    return this.#datagrams.outsider(path);
  }

  pressureFile(path: string, kind: SimulatedPressureKind | undefined): void {
    this.#world.places.place(path, kind);
  }

  press(resource: PressureResource, pressure: SimulatedPressure = {}): void {
    this.#world.places.press(resource, pressure);
  }

  program(command: string, start: (process: SimulatedProcess) => void): void {
    this.#processes.setProgram(command, start);
  }

  leaks(): string[] {
    return leakReport(this.#world, this.#processes);
  }

  get hostWaits(): number {
    return this.#hostWaits;
  }

  set hostWaits(count: number) {
    this.#hostWaits = count;
    if (count === 0) this.#world.parking.lookSoon();
  }

  turn(kind: "tasks" | "io"): Promise<void> {
    this.turns[kind]++;
    this.#turnsAhead++;
    return new Promise((resolve) => {
      const settle = () => {
        this.#turnsAhead--;
        resolve();
        this.#world.parking.lookSoon();
      };
      if (kind === "tasks") inNextTurn(settle);
      else afterTimers(settle);
    });
  }

  openPoller(): Poller {
    return new SimulatedPoller(this.#world);
  }

  now(clock: ClockIndex): Usec {
    return this.#world.clocks.now(clock);
  }

  bootId(): Uint8Array | undefined {
    return this.#options.bootId;
  }

  environment(name: string): string | undefined {
    const variables = this.#options.environment ?? {};
    return Object.hasOwn(variables, name) ? variables[name] : undefined;
  }

  tryRead(handle: Handle, buffer: Uint8Array): Result {
    const descriptor = this.#world.descriptors.get(handle);
    if (descriptor === undefined) return -Errno.EBADF;
    const { file, owner } = descriptor;
    return owner === ownPid ? faultyRead(file, buffer, this.#world.faults) : file.read(buffer);
  }

  tryWrite(handle: Handle, data: Uint8Array): Result {
    const descriptor = this.#world.descriptors.get(handle);
    if (descriptor === undefined) return -Errno.EBADF;
    const { file, owner } = descriptor;
    return owner === ownPid ? faultyWrite(file, data, this.#world.faults) : file.write(data);
  }

  tryReadVector(handle: Handle, buffers: readonly Uint8Array[]): Result {
    const buffer = inBetween(buffers);
    const count = this.tryRead(handle, buffer);
    if (count > 0) scatter(buffer.subarray(0, count), buffers);
    return count;
  }

  tryWriteVector(handle: Handle, data: readonly Uint8Array[]): Result {
    return this.tryWrite(handle, gather(data));
  }

  tryReceive(
    handle: Handle,
    buffers: readonly Uint8Array[],
    flags: number,
    maxHandles: number,
    message: ReceivedMessage | undefined,
  ): Result {
    return tryReceive(this.#world, handle, buffers, flags, maxHandles, message);
  }

  trySend(handle: Handle, data: readonly Uint8Array[], address: SocketAddress | undefined, handles: readonly Handle[]): Result {
    return trySend(this.#world, handle, data, address, handles);
  }

  tryAccept(handle: Handle): Result {
    const file = this.#world.descriptors.get(handle)?.file;
    if (file === undefined) return -Errno.EBADF;
    if (file instanceof DatagramSocket) return -Errno.EOPNOTSUPP;
    if (!(file instanceof Listener)) return file instanceof Stream ? -Errno.EINVAL : -Errno.ENOTSOCK;
    if (file.readiness() !== 0 && answersAgain(file, IoEvent.IN, this.#world.faults)) return -Errno.EAGAIN;
    const stream = file.accept();
    return stream === undefined ? -Errno.EAGAIN : this.#open(stream);
  }

  duplicate(handle: Handle): Result {
    const file = this.#world.descriptors.get(handle)?.file;
    return file === undefined ? -Errno.EBADF : this.#open(file);
  }

  close(handle: Handle): Result {
    return this.#world.descriptors.close(handle);
  }

  setBlocking(handle: Handle, blocking: boolean): Result {
    const file = this.#world.descriptors.get(handle)?.file;
    if (file === undefined) return -Errno.EBADF;
    const before = file.blocking;
    file.blocking = blocking;
    return before ? 1 : 0;
  }

  openPipe(): [reader: Handle, writer: Handle] {
    const { reader, writer } = this.pipe();
    return [reader, writer];
  }

  openListener(address: ListenAddress, tls?: ServerTls): Result {
    if (tls !== undefined) return -Errno.EOPNOTSUPP;
    const listener = this.#network.listen(address);
    return typeof listener === "number" ? listener : this.#open(listener);
  }

  openStream(address: SocketAddress, tls?: ClientTls): Result {
    if (tls !== undefined) return -Errno.EOPNOTSUPP;
    const stream = new Stream("path" in address ? "unix" : "tcp");
    const result = this.#network.connect(stream, address);
    return result < 0 && result !== -Errno.EINPROGRESS ? result : this.#open(stream);
  }

  openDatagram(address: DatagramAddress): Result {
    const socket = this.#datagrams.open(address);
    return typeof socket === "number" ? socket : this.#open(socket);
  }

  openSocketPair(kind: "stream" | "datagram"): [Handle, Handle] {
    if (kind === "stream") return this.socketPair();
    const [one, other] = this.#datagrams.openPair();
    return [this.#open(one), this.#open(other)];
  }

  connectSocket(handle: Handle, address: SocketAddress): Result {
    const file = this.#socket(handle);
    if (typeof file === "number") return file;
    if (file instanceof DatagramSocket) return this.#datagrams.connect(file, address);
    return file instanceof Stream ? this.#network.connect(file, address) : -Errno.EISCONN;
  }

  socketError(handle: Handle): Result {
    const file = this.#socket(handle);
    if (typeof file === "number") return file;
    return file instanceof Listener ? 0 : file.takeError();
  }

  localAddress(handle: Handle): SocketAddress | undefined | Result {
    const file = this.#socket(handle);
    if (typeof file === "number") return file;
    if (file instanceof Listener) return file.address;
    return file.local ?? (file instanceof Stream && file.family === "tcp" ? { hostname: "0.0.0.0", port: 0 } : undefined);
  }

  remoteAddress(handle: Handle): SocketAddress | undefined | Result {
    const file = this.#socket(handle);
    if (typeof file === "number") return file;
    if (file instanceof DatagramSocket) return file.peer === undefined && file.remote === undefined ? -Errno.ENOTCONN : file.remote;
    return file instanceof Stream && file.state === "connected" ? file.remote : -Errno.ENOTCONN;
  }

  alpnProtocol(handle: Handle): undefined | Result {
    const file = this.#socket(handle);
    return typeof file === "number" ? file : undefined;
  }

  closeWrite(handle: Handle): Result {
    const file = this.#socket(handle);
    if (typeof file === "number") return file;
    return file instanceof Listener ? 0 : file.closeWrite();
  }

  removeSocketFile(path: string): Result {
    return this.#network.removeFile(path);
  }

  sendDatagram(path: string, data: Uint8Array): Result {
    const socket = this.#datagrams.open({ path: "" }) as DatagramSocket;
    return socket.send({ data, address: { path }, parcel: undefined });
  }

  pressurePaths(resource: PressureResource): readonly string[] | Result {
    return this.#world.places.paths(resource);
  }

  openPressure(path: string, writable: boolean): OpenedPressure | Result {
    if (path.includes("\0")) return -Errno.EINVAL;
    const file = this.#world.places.open(path, writable);
    if (typeof file === "number") return file;
    if (file !== undefined) return { kind: file instanceof PressureFile ? "system" : "other", handle: this.#open(file) };
    if (this.#network.hasSocketFile(path)) return connected(this.openStream({ path }));
    const inode = this.files.find(path, { follow: true });
    if (typeof inode === "number") return inode;
    return inode.isDirectory ? -Errno.EISDIR : -Errno.ENOTTY;
  }

  openTimeChange(): Result {
    return this.#open(this.#timeChanges.open());
  }

  spawn(command: SpawnCommand): SpawnedProcess | Result {
    const spawned = this.#processes.spawn(command);
    this.#world.parking.lookSoon();
    return spawned;
  }

  openProcess(pid: number): Result {
    return this.#processes.open(pid);
  }

  processId(handle: Handle): Result {
    const { descriptors } = this.#world;
    if (descriptors.get(handle) === undefined) return -Errno.EBADF;
    const file = descriptors.find(handle, ProcessFile);
    if (file === undefined) return -Errno.ENOTTY;
    if (file.child === undefined) return ownPid;
    return file.child.state === "reaped" ? -Errno.ESRCH : file.child.pid;
  }

  peekProcess(handle: Handle, options: number, record: ProcessRecord): Result {
    const file = this.#world.descriptors.find(handle, ProcessFile);
    if (file === undefined) return -Errno.EBADF;
    return file.child === undefined ? -Errno.ECHILD : file.child.peek(options, record);
  }

  reapProcess(handle: Handle, options: number, record: ProcessRecord): Result {
    const file = this.#world.descriptors.find(handle, ProcessFile);
    if (file === undefined) return -Errno.EBADF;
    return file.child === undefined ? -Errno.ECHILD : file.child.reap(options, record);
  }

  reapKilledProcess(handle: Handle): Result {
    const file = this.#world.descriptors.find(handle, ProcessFile);
    if (file === undefined) return -Errno.EBADF;
    return file.child === undefined ? -Errno.ECHILD : this.#processes.reapAtLast(file.child);
  }

  signalProcess(handle: Handle, signal: number, value: number | undefined): Result {
    const file = this.#world.descriptors.find(handle, ProcessFile);
    if (file === undefined) return -Errno.EBADF;
    const result = this.#processes.signal(file, signal, value);
    this.#world.parking.lookSoon();
    return result;
  }

  reapsAutomatically(): Result {
    return this.#processes.reapsAutomatically ? 1 : 0;
  }

  openFileWatcher(): Result {
    return this.#open(new FileWatcher(this.files.maxQueuedRecords));
  }

  openPath(path: string, mask: number): Result {
    if (path.includes("\0")) return -Errno.EINVAL;
    const inode = this.files.find(path, { follow: (mask & WatchEvent.DONT_FOLLOW) === 0 });
    if (typeof inode === "number") return inode;
    if ((mask & WatchEvent.ONLYDIR) !== 0 && !inode.isDirectory) return -Errno.ENOTDIR;
    return this.#open(new PathFile(inode));
  }

  inodeOf(handle: Handle): string | Result {
    const file = this.#path(handle);
    return typeof file === "number" ? file : `${file.inode.number}`;
  }

  pathOf(handle: Handle): string | Result {
    const file = this.#path(handle);
    return typeof file === "number" ? file : file.inode.path;
  }

  addFileWatch(watcher: Handle, file: Handle, mask: number): Result {
    const { descriptors, faults } = this.#world;
    if (descriptors.get(watcher) === undefined) return -Errno.EBADF;
    const fileWatcher = descriptors.find(watcher, FileWatcher);
    if (fileWatcher === undefined) return -Errno.EINVAL;
    const path = this.#path(file);
    if (typeof path === "number") return path;
    if (!fileWatcher.watches(path.inode) && faults.strikes("ENOSPC")) return -Errno.ENOSPC;
    return fileWatcher.add(path.inode, mask);
  }

  removeFileWatch(watcher: Handle, watch: number): Result {
    if (this.#world.descriptors.get(watcher) === undefined) return -Errno.EBADF;
    return this.#world.descriptors.find(watcher, FileWatcher)?.remove(watch) ?? -Errno.EINVAL;
  }

  #open(file: OpenFile): Handle {
    return this.#world.descriptors.open(file, ownPid);
  }

  /** The socket behind a handle, or what is wrong with it. */
  #socket(handle: Handle): Stream | Listener | DatagramSocket | Result {
    const file = this.#world.descriptors.get(handle)?.file;
    if (file === undefined) return -Errno.EBADF;
    return file instanceof Stream || file instanceof Listener || file instanceof DatagramSocket ? file : -Errno.ENOTSOCK;
  }

  /** The file of the tree behind a handle, or what is wrong with it. */
  #path(handle: Handle): PathFile | Result {
    const { descriptors } = this.#world;
    if (descriptors.get(handle) === undefined) return -Errno.EBADF;
    return descriptors.find(handle, PathFile) ?? -Errno.EOPNOTSUPP;
  }

  #createWorld(options: SimulationOptions): World {
    const clocks = new VirtualClocks();
    const timeline = new Timeline(clocks);
    const mayJump = () => options.autoAdvance !== false && this.#hostWaits === 0 && this.#turnsAhead === 0;
    return {
      clocks,
      timeline,
      faults: new Faults(this.seed, options.faults ?? {}),
      descriptors: new Descriptors(firstHandle),
      signals: new Signals(),
      names: new Names(),
      files: this.files,
      places: new PressureFiles(),
      parking: new Parking(clocks, timeline, mayJump),
      pollers: new Set(),
    };
  }
}

function connected(handle: Result): OpenedPressure | Result {
  return handle < 0 ? handle : { kind: "other", handle };
}
