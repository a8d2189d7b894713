/**
 * The virtual network: who listens where.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import type { ListenAddress, Result, SocketAddress } from "../kernel.ts";
import { covers, destination, normalize, type TcpAddress } from "./addresses.ts";
import { Listener } from "./listener.ts";
import type { OpenFile } from "../emulated/open_file.ts";
import { Ports } from "./ports.ts";
import type { Stream } from "./stream.ts";
import type { Timeline } from "./timeline.ts";

const defaultBacklog = 511;

/** All addresses are this machine's own. */
export class Network {
  readonly #timeline: Timeline;
  readonly #tcp: Set<Listener> = new Set();
  /** By path, listeners and datagram sockets; a file without its socket stays until it is removed, an abstract name goes with its socket. */
  readonly #unix = new Map<string, OpenFile | undefined>();
  readonly #ports = new Ports();

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  /** A listener that is not taken there yet. */
  listen(address: ListenAddress): Listener | Result {
    const backlog = address.backlog ?? defaultBacklog;
    const normal = normalize(address, "0.0.0.0");
    if (typeof normal === "number") return normal;
    if ("path" in normal) return this.#listenUnix(normal.path, backlog);
    return this.#listenTcp(normal, backlog, "port" in address && address.reusePort === true);
  }

  /** Sends a stream on its way: 0 when it is there, −EINPROGRESS when it will get there or fail. */
  connect(client: Stream, address: SocketAddress): Result {
    const normal = normalize(address, "127.0.0.1");
    if (typeof normal === "number") return normal;
    if (client.state === "connecting") return -Errno.EALREADY;
    if (client.state !== "idle") return -Errno.EISCONN;
    if (("path" in normal) !== (client.family === "unix")) return -Errno.EAFNOSUPPORT;
    return "path" in normal ? this.#connectUnix(client, normal.path) : this.#connectTcp(client, destination(normal));
  }

  /** Whether a socket has a file at this path. */
  hasSocketFile(path: string): boolean {
    return !isAbstract(path) && this.#unix.has(path);
  }

  /** Removes a socket file; its listener stays, and cannot be reached any more. */
  removeFile(path: string): Result {
    if (isAbstract(path) || !this.#unix.has(path)) return -Errno.ENOENT;
    this.#unix.delete(path);
    return 0;
  }

  /** Gives a path to a socket; what is to be done when that is gone. */
  bindUnix(path: string, socket: OpenFile): (() => void) | Result {
    if (this.#unix.has(path)) return -Errno.EADDRINUSE;
    this.#unix.set(path, socket);
    return () => {
      if (this.#unix.get(path) !== socket) return;
      if (isAbstract(path)) this.#unix.delete(path);
      else this.#unix.set(path, undefined);
    };
  }

  /** The socket at a path. */
  unixAt(path: string): OpenFile | Result {
    return this.#unix.get(path) ?? (this.#unix.has(path) || isAbstract(path) ? -Errno.ECONNREFUSED : -Errno.ENOENT);
  }

  #listenUnix(path: string, backlog: number): Listener | Result {
    let onRelease: (() => void) | Result = 0;
    const listener = new Listener({ path }, { backlog, reusePort: false, onRelease: () => typeof onRelease === "function" && onRelease() });
    onRelease = this.bindUnix(path, listener);
    return typeof onRelease === "number" ? onRelease : listener;
  }

  #listenTcp({ hostname, port }: TcpAddress, backlog: number, reusePort: boolean): Listener | Result {
    const address = { hostname, port: port === 0 ? this.#choosePort() : port };
    if (this.#isTaken(address, reusePort)) return -Errno.EADDRINUSE;
    const onRelease = () => this.#tcp.delete(listener);
    const listener = new Listener(address, { backlog, reusePort, onRelease });
    this.#tcp.add(listener);
    return listener;
  }

  #isTaken(address: TcpAddress, reusePort: boolean): boolean {
    for (const listener of this.#tcp) {
      const other = listener.address as TcpAddress;
      if (other.port !== address.port || (reusePort && listener.reusePort)) continue;
      if (covers(other.hostname, address.hostname) || covers(address.hostname, other.hostname)) return true;
    }
    return false;
  }

  #choosePort(): number {
    const taken = new Set([...this.#tcp].map((listener) => (listener.address as TcpAddress).port));
    return this.#ports.choose((port) => taken.has(port));
  }

  #connectUnix(client: Stream, path: string): Result {
    const listener = this.unixAt(path);
    if (typeof listener === "number") return listener;
    if (!(listener instanceof Listener)) return -Errno.EPROTOTYPE;
    if (listener.full) return -Errno.EAGAIN;
    client.remote = { path };
    listener.admit(client);
    return 0;
  }

  #connectTcp(client: Stream, address: TcpAddress): Result {
    client.state = "connecting";
    client.remote = address;
    client.local = { hostname: address.hostname, port: this.#choosePort() };
    this.#timeline.after(0, () => this.#arrive(client));
    return -Errno.EINPROGRESS;
  }

  #arrive(client: Stream): void {
    if (client.state !== "connecting") return;
    const listener = this.#listenerFor(client);
    if (listener === undefined) client.fail(Errno.ECONNREFUSED);
    else listener.admit(client);
  }

  /** Of several that share the port, the client's own port decides, as the hash of Linux does. */
  #listenerFor(client: Stream): Listener | undefined {
    const { hostname, port } = client.remote as TcpAddress;
    const listeners = [...this.#tcp].filter(({ address }) => {
      const bound = address as TcpAddress;
      return bound.port === port && covers(bound.hostname, hostname);
    });
    return listeners[(client.local as TcpAddress).port % listeners.length];
  }
}

function isAbstract(path: string): boolean {
  return path.startsWith("@");
}
