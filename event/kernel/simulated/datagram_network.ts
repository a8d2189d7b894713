/**
 * The virtual network, as far as datagrams travel on it.
 *
 * @module
 */

import { Errno, systemError } from "../../errno.ts";
import type { DatagramAddress, Result, SocketAddress } from "../kernel.ts";
import { covers, destination, isIpv6, mapped, normalize, type TcpAddress, unmapped } from "./addresses.ts";
import { type Datagram, type DatagramFamily, DatagramSocket, type Route } from "./datagram_socket.ts";
import type { Faults } from "./faults.ts";
import type { Network } from "./network.ts";
import type { Letter } from "../emulated/open_file.ts";
import { Ports } from "./ports.ts";

/** Where everybody in reach is. */
const everybody: readonly string[] = ["255.255.255.255", "127.255.255.255"];

/** A socket of somebody else's, who reads at once. */
class Outsider extends DatagramSocket {
  readonly received: Uint8Array[] = [];

  constructor(path: string, route: Route) {
    super("unix", route);
    this.local = { path };
  }

  override takesFrom(): boolean {
    return true;
  }

  override admit({ data, parcel }: Datagram): void {
    this.received.push(data.slice());
    parcel?.discard();
  }
}

/** All addresses are this machine's own. */
export class DatagramNetwork {
  readonly #network: Network;
  readonly #faults: Faults;
  readonly #udp: Set<DatagramSocket> = new Set();
  readonly #ports = new Ports();

  constructor(network: Network, faults: Faults) {
    this.#network = network;
    this.#faults = faults;
  }

  /** Makes a socket of somebody else's at a path: what it receives. */
  outsider(path: string): Uint8Array[] {
    const there = this.#network.unixAt(path);
    if (there instanceof Outsider) return there.received;
    const outsider = new Outsider(path, (sender, letter) => this.#send(sender, letter));
    const bound = this.#network.bindUnix(path, outsider);
    if (typeof bound === "number") throw systemError(bound, `Cannot put a datagram socket at '${path}': something is there already`);
    return outsider.received;
  }

  /** A socket that is bound there. */
  open(address: DatagramAddress): DatagramSocket | Result {
    if ("path" in address && address.path === "") return this.#make("unix");
    const normal = normalize(address, "0.0.0.0");
    if (typeof normal === "number") return normal;
    return "path" in normal ? this.#openUnix(normal.path) : this.#openUdp(normal, address);
  }

  /** Two sockets that are connected with each other. */
  openPair(): [DatagramSocket, DatagramSocket] {
    const [one, other] = [this.#make("unix"), this.#make("unix")];
    one.connect(other);
    other.connect(one);
    return [one, other];
  }

  /** Sends there from now on, and receives from there alone. */
  connect(socket: DatagramSocket, address: SocketAddress): Result {
    const normal = normalize(address, "127.0.0.1");
    if (typeof normal === "number") return normal;
    if ("path" in normal) return this.#connectUnix(socket, normal.path);
    const refused = familyError(socket, normal);
    if (refused < 0) return refused;
    const there = destination(normal);
    socket.remote = { hostname: socket.family === "udp6" ? mapped(there.hostname) : there.hostname, port: there.port };
    const local = socket.local as TcpAddress;
    if (isWildcard(local.hostname)) socket.local = { hostname: sourceOf(socket, unmapped(there.hostname)), port: local.port };
    return 0;
  }

  #connectUnix(socket: DatagramSocket, path: string): Result {
    if (socket.family !== "unix") return -Errno.EAFNOSUPPORT;
    const found = this.#find(path);
    if (typeof found === "number") return found;
    if (found.peer !== undefined && found.peer !== socket) return -Errno.EPERM;
    socket.connect(found, { path });
    return 0;
  }

  #make(family: DatagramFamily, address?: DatagramAddress): DatagramSocket {
    return new DatagramSocket(family, (sender, letter) => this.#send(sender, letter), address);
  }

  #openUnix(path: string): DatagramSocket | Result {
    const socket = this.#make("unix");
    const onRelease = this.#network.bindUnix(path, socket);
    if (typeof onRelease === "number") return onRelease;
    socket.onRelease = onRelease;
    socket.local = { path };
    return socket;
  }

  #openUdp({ hostname, port }: TcpAddress, address: DatagramAddress): DatagramSocket | Result {
    const socket = this.#make(isIpv6(hostname) ? "udp6" : "udp4", address);
    const local = { hostname, port: port === 0 ? this.#choosePort() : port };
    for (const other of this.#udp) {
      const taken = other.local as TcpAddress;
      if (taken.port !== local.port || (other.options.reusePort && socket.options.reusePort)) continue;
      if (covers(taken.hostname, hostname) || covers(hostname, taken.hostname)) return -Errno.EADDRINUSE;
    }
    socket.local = local;
    socket.onRelease = () => this.#udp.delete(socket);
    this.#udp.add(socket);
    return socket;
  }

  #choosePort(): number {
    const taken = new Set([...this.#udp].map((socket) => (socket.local as TcpAddress).port));
    return this.#ports.choose((port) => taken.has(port));
  }

  #send(sender: DatagramSocket, letter: Letter): Result {
    return sender.family === "unix" ? this.#sendUnix(sender, letter) : this.#sendUdp(sender, letter);
  }

  #sendUnix(sender: DatagramSocket, { data, address, parcel }: Letter): Result {
    const receiver = address === undefined ? sender.peer ?? -Errno.ENOTCONN : this.#receiverAt(address);
    if (typeof receiver === "number") return receiver;
    if (receiver.isClosed) {
      sender.connect(undefined);
      return -Errno.ECONNREFUSED;
    }
    if (receiver.peer !== undefined && receiver.peer !== sender) return -Errno.EPERM;
    if (!sender.mayCharge || !receiver.takesFrom(sender)) return -Errno.EAGAIN;
    receiver.admit({ data, address: sender.local, parcel, payer: sender });
    return data.length;
  }

  #receiverAt(address: SocketAddress): DatagramSocket | Result {
    const normal = normalize(address, "127.0.0.1");
    if (typeof normal === "number") return normal;
    return "path" in normal ? this.#find(normal.path) : -Errno.EINVAL;
  }

  /** The socket at a path. */
  #find(path: string): DatagramSocket | Result {
    const found = this.#network.unixAt(path);
    if (typeof found === "number") return found;
    return found instanceof DatagramSocket ? found : -Errno.EPROTOTYPE;
  }

  #sendUdp(sender: DatagramSocket, { data, address }: Letter): Result {
    const normal = address === undefined ? sender.remote ?? -Errno.EDESTADDRREQ : normalize(address, "127.0.0.1");
    if (typeof normal === "number") return normal;
    if ("path" in normal) return -Errno.EAFNOSUPPORT;
    const refused = familyError(sender, normal as TcpAddress);
    if (refused < 0) return refused;
    const there = destination(normal as TcpAddress);
    if (there.port === 0) return -Errno.EINVAL;
    if (everybody.includes(there.hostname) && !sender.options.broadcast) return -Errno.EACCES;
    const receivers = this.#receiversOf(sender, there);
    // The network tells only a connected socket that nobody is there, and only afterwards.
    if (receivers.length === 0 && sender.remote !== undefined && address === undefined) sender.fail(Errno.ECONNREFUSED);
    for (const receiver of receivers) {
      if (this.#faults.strikes("datagram-loss")) continue;
      receiver.admit({ data, address: seenFrom(receiver, sourceAddress(sender, there)), parcel: undefined, payer: undefined });
    }
    return data.length;
  }

  /** Who gets what is sent there: of several, a connected one rather than one that is bound to this address, and that rather than to all. */
  #receiversOf(sender: DatagramSocket, there: TcpAddress): DatagramSocket[] {
    const source = sourceAddress(sender, there);
    const hostname = unmapped(there.hostname);
    const isBroadcast = everybody.includes(hostname);
    let best: DatagramSocket[] = [];
    let bestRank = 0;
    for (const socket of this.#udp) {
      const rank = rankOf(socket, { hostname, port: there.port }, source);
      if (rank === 0 || rank < bestRank && !isBroadcast) continue;
      best = rank > bestRank && !isBroadcast ? [socket] : [...best, socket];
      bestRank = Math.max(rank, bestRank);
    }
    return isBroadcast || best.length < 2 ? best : [best[source.port % best.length]];
  }
}

/** How well a socket fits what is sent there from that source; 0: not at all. */
function rankOf(socket: DatagramSocket, there: TcpAddress, source: TcpAddress): number {
  const local = socket.local as TcpAddress;
  const bound = unmapped(local.hostname);
  if (local.port !== there.port || !(everybody.includes(there.hostname) ? isWildcard(bound) : covers(bound, there.hostname))) return 0;
  if (socket.remote === undefined) return isWildcard(bound) ? 1 : 2;
  const remote = socket.remote as TcpAddress;
  return unmapped(remote.hostname!) === source.hostname && remote.port === source.port ? 3 : 0;
}

/** What stands against sending there from this socket. */
function familyError(socket: DatagramSocket, { hostname }: TcpAddress): Result {
  if (socket.family === "unix") return -Errno.EINVAL;
  return socket.family === "udp4" && isIpv6(hostname) ? -Errno.EAFNOSUPPORT : 0;
}

function isWildcard(hostname: string): boolean {
  return hostname === "0.0.0.0" || hostname === "::";
}

/** The address that something sent there seems to come from, one of IPv4 as such. */
function sourceAddress(sender: DatagramSocket, there: TcpAddress): TcpAddress {
  return { hostname: unmapped(sourceOf(sender, unmapped(there.hostname))), port: (sender.local as TcpAddress).port };
}

/** Which of its addresses a socket sends from: who is bound to all sends from the one that it sends to. */
function sourceOf(sender: DatagramSocket, hostname: string): string {
  const local = sender.local as TcpAddress;
  if (!isWildcard(local.hostname)) return local.hostname;
  const own = everybody.includes(hostname) ? "127.0.0.1" : hostname;
  return sender.family === "udp6" ? mapped(own) : own;
}

/** The source as the receiver's kind of socket names it. */
function seenFrom(receiver: DatagramSocket, source: TcpAddress): SocketAddress {
  return receiver.family === "udp6" ? { hostname: mapped(source.hostname), port: source.port } : source;
}
