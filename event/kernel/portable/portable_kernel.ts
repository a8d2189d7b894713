/**
 * The portable kernel, put together from its parts.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import type { ClockIndex, Usec } from "../../time.ts";
import { Descriptors } from "../emulated/descriptors.ts";
import { gather, inBetween, scatter } from "../emulated/messages.ts";
import { openPipe } from "../emulated/pipe.ts";
import type { EmulatedPoller } from "../emulated/poller.ts";
import type {
  ClientTls,
  DatagramAddress,
  Handle,
  Kernel,
  KernelFeature,
  ListenAddress,
  OpenedPressure,
  Poller,
  PressureResource,
  ProcessRecord,
  ReceivedMessage,
  Result,
  ServerTls,
  SocketAddress,
  SpawnCommand,
  SpawnedProcess,
} from "../kernel.ts";
import { hostProcess } from "./builtin.ts";
import { HostClocks } from "./clocks.ts";
import { startByDeno } from "./deno_child.ts";
import { FileWatches } from "./file_watches.ts";
import type { Host } from "./host.ts";
import { startByNode } from "./node_child.ts";
import { Parking } from "./parking.ts";
import { PortablePoller } from "./poller.ts";
import { environment, readBootId } from "./process_facts.ts";
import { Processes } from "./processes.ts";
import { Signals } from "./signals.ts";
import { Sockets } from "./sockets.ts";
import { turn } from "./turns.ts";
import type { World } from "./world.ts";

/** Far above all descriptors, so that a handle that strays into a call of the system's is a bad one there. */
const firstHandle: Handle = 2 ** 20;

/** The calls of the contract on a host. */
export class PortableKernel implements Kernel {
  readonly name = "portable";
  readonly features: ReadonlySet<KernelFeature> = new Set<KernelFeature>(["nesting", "datagrams", "tls"]);
  get pid(): number {
    return hostProcess().pid;
  }
  hostWaits = 0;
  readonly #world: World;
  readonly #processes: Processes;
  readonly #files: FileWatches;

  constructor(host: Host) {
    const clocks = new HostClocks(host);
    const descriptors = new Descriptors(firstHandle);
    const pollers = new Set<EmulatedPoller>();
    this.#world = {
      host,
      clocks,
      descriptors,
      pollers,
      parking: new Parking(host, clocks, pollers),
      signals: new Signals(),
      sockets: new Sockets(descriptors),
    };
    // Only the name: a look at the thing itself has Deno load 5 ms of what it needs to start processes.
    this.#processes = new Processes(descriptors, "Command" in (globalThis.Deno ?? {}) ? startByDeno : startByNode);
    this.#files = new FileWatches(descriptors);
  }

  /** How many children the host is still to see the end of. */
  get runningProcesses(): number {
    return this.#processes.running;
  }

  openPoller(): Poller {
    return new PortablePoller(this.#world);
  }

  now(clock: ClockIndex): Usec {
    return this.#world.clocks.now(clock);
  }

  bootId(): Uint8Array | undefined {
    return readBootId();
  }

  environment(name: string): string | undefined {
    return environment(name);
  }

  tryRead(handle: Handle, buffer: Uint8Array): Result {
    return this.#world.descriptors.get(handle)?.file.read(buffer) ?? -Errno.EBADF;
  }

  tryWrite(handle: Handle, data: Uint8Array): Result {
    return this.#world.descriptors.get(handle)?.file.write(data) ?? -Errno.EBADF;
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
    return this.#world.sockets.tryReceive(handle, buffers, flags, maxHandles, message);
  }

  trySend(handle: Handle, data: readonly Uint8Array[], address: SocketAddress | undefined, handles: readonly Handle[]): Result {
    return this.#world.sockets.trySend(handle, data, address, handles);
  }

  duplicate(handle: Handle): Result {
    const { descriptors } = this.#world;
    const file = descriptors.get(handle)?.file;
    return file === undefined ? -Errno.EBADF : descriptors.open(file);
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
    const { reader, writer } = openPipe();
    return [this.#world.descriptors.open(reader), this.#world.descriptors.open(writer)];
  }

  tryAccept(handle: Handle): Result {
    return this.#world.sockets.tryAccept(handle);
  }

  openListener(address: ListenAddress, tls?: ServerTls): Result {
    return this.#world.sockets.openListener(address, tls);
  }

  openStream(address: SocketAddress, tls?: ClientTls): Result {
    return this.#world.sockets.openStream(address, tls);
  }

  alpnProtocol(handle: Handle): string | undefined | Result {
    return this.#world.sockets.alpnProtocol(handle);
  }

  openDatagram(address: DatagramAddress): Result {
    return this.#world.sockets.openDatagram(address);
  }

  openSocketPair(_kind: "stream" | "datagram"): Result {
    return -Errno.EOPNOTSUPP;
  }

  connectSocket(handle: Handle, address: SocketAddress): Result {
    return this.#world.sockets.connectSocket(handle, address);
  }

  socketError(handle: Handle): Result {
    return this.#world.sockets.socketError(handle);
  }

  localAddress(handle: Handle): SocketAddress | undefined | Result {
    return this.#world.sockets.localAddress(handle);
  }

  remoteAddress(handle: Handle): SocketAddress | undefined | Result {
    return this.#world.sockets.remoteAddress(handle);
  }

  closeWrite(handle: Handle): Result {
    return this.#world.sockets.closeWrite(handle);
  }

  removeSocketFile(path: string): Result {
    return this.#world.sockets.removeSocketFile(path);
  }

  sendDatagram(path: string, data: Uint8Array): Result {
    return this.#world.sockets.sendDatagram(path, data);
  }

  pressurePaths(_resource: PressureResource): readonly string[] | Result {
    return -Errno.EOPNOTSUPP;
  }

  openPressure(_path: string, _writable: boolean): OpenedPressure | Result {
    return -Errno.EOPNOTSUPP;
  }

  openTimeChange(): Result {
    return -Errno.EOPNOTSUPP;
  }

  spawn(command: SpawnCommand): SpawnedProcess | Result {
    return this.#processes.spawn(command);
  }

  openProcess(pid: number): Result {
    return this.#processes.openProcess(pid);
  }

  processId(handle: Handle): Result {
    return this.#processes.processId(handle);
  }

  peekProcess(handle: Handle, options: number, record: ProcessRecord): Result {
    return this.#processes.peekProcess(handle, options, record);
  }

  reapProcess(handle: Handle, options: number, record: ProcessRecord): Result {
    return this.#processes.reapProcess(handle, options, record);
  }

  reapKilledProcess(handle: Handle): Result {
    return this.#processes.reapKilledProcess(handle);
  }

  signalProcess(handle: Handle, signal: number, value: number | undefined): Result {
    return this.#processes.signalProcess(handle, signal, value);
  }

  reapsAutomatically(): Result {
    return 0;
  }

  openFileWatcher(): Result {
    return this.#files.openFileWatcher();
  }

  openPath(path: string, mask: number): Result {
    return this.#files.openPath(path, mask);
  }

  inodeOf(handle: Handle): string | Result {
    return this.#files.inodeOf(handle);
  }

  pathOf(handle: Handle): string | Result {
    return this.#files.pathOf(handle);
  }

  addFileWatch(watcher: Handle, file: Handle, mask: number): Result {
    return this.#files.addFileWatch(watcher, file, mask);
  }

  removeFileWatch(watcher: Handle, watch: number): Result {
    return this.#files.removeFileWatch(watcher, watch);
  }

  turn(kind: "tasks" | "io"): Promise<void> {
    return turn(kind);
  }
}
