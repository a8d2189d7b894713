/**
 * The kernel's calls on sockets, and the resolving of names.
 *
 * @module
 */

import type { Socket as HostSocket } from "node:net";
import { Errno } from "../../errno.ts";
import type { Descriptors } from "../emulated/descriptors.ts";
import { receiveMessage, sendMessage } from "../emulated/messages.ts";
import type {
  ClientTls,
  CompletionResult,
  DatagramAddress,
  Handle,
  ListenAddress,
  ReceivedMessage,
  Result,
  ServerTls,
  SocketAddress,
} from "../kernel.ts";
import { fs, net } from "./builtin.ts";
import { complete, hostPath, type InternetAddress, isAbstract, isPermitted, type UnixAddress } from "./addresses.ts";
import { socketErrno } from "./socket_error.ts";
import { Listener } from "./listener.ts";
import { DatagramSocket } from "./datagram.ts";
import { isGranted } from "./permissions.ts";
import { resolve } from "./resolve.ts";
import { Stream } from "./stream.ts";
import { clientContext, secureClient, serverContext } from "./tls.ts";
import { Wire } from "./wire.ts";

const defaultBacklog = 511;
const anyHost = "0.0.0.0";
const localHost = "127.0.0.1";

type Socket = Stream | Listener | DatagramSocket;

/** What stands in the kernel contract, by the same names. */
export class Sockets {
  readonly #descriptors: Descriptors;

  constructor(descriptors: Descriptors) {
    this.#descriptors = descriptors;
  }

  /** Hosts share ports between processes in ways of their own, if at all: EOPNOTSUPP for `reusePort`. */
  openListener(address: ListenAddress, tls?: ServerTls): Result {
    const place = complete(address, anyHost);
    if (typeof place === "number") return place;
    if ("reusePort" in address && address.reusePort) return -Errno.EOPNOTSUPP;
    if (!isPermitted(place)) return -Errno.EACCES;
    const context = tls && serverContext(tls);
    if (typeof context === "number") return context;
    return this.#opened(Listener.open(place, address.backlog ?? defaultBacklog, context));
  }

  tryAccept(handle: Handle): Result {
    const file = this.#socket(handle);
    if (typeof file === "number") return file;
    if (file instanceof DatagramSocket) return -Errno.EOPNOTSUPP;
    return file instanceof Listener ? this.#opened(file.accept()) : -Errno.EINVAL;
  }

  openStream(address: SocketAddress, tls?: ClientTls): Result {
    const place = complete(address, localHost);
    if (typeof place === "number") return place;
    if (!isPermitted(place)) return -Errno.EACCES;
    return this.#opened(tls === undefined ? openPlainStream(place) : openSecureStream(place, tls));
  }

  /** UDP alone; no host has datagrams of AF_UNIX. */
  openDatagram(address: DatagramAddress): Result {
    return this.#opened(DatagramSocket.open(address));
  }

  tryReceive(
    handle: Handle,
    buffers: readonly Uint8Array[],
    flags: number,
    maxHandles: number,
    message: ReceivedMessage | undefined,
  ): Result {
    return receiveMessage(
      this.#descriptors,
      handle,
      { buffers, flags, maxHandles, message },
      ({ file }, buffer) => file.receive(buffer, flags),
    );
  }

  trySend(handle: Handle, data: readonly Uint8Array[], address: SocketAddress | undefined, handles: readonly Handle[]): Result {
    const place = address === undefined ? 0 : complete(address, localHost);
    if (typeof place === "number" && place < 0) return place;
    return sendMessage(this.#descriptors, handle, { data, address, handles }, ({ file }, letter) => file.send(letter));
  }

  /** Only a datagram socket can be sent anywhere: a stream is opened on its way. */
  connectSocket(handle: Handle, address: SocketAddress): Result {
    const file = this.#socket(handle);
    if (typeof file === "number") return file;
    return file instanceof DatagramSocket ? file.connect(address) : -Errno.EOPNOTSUPP;
  }

  socketError(handle: Handle): Result {
    const file = this.#socket(handle);
    return typeof file === "number" ? file : file.takeError();
  }

  localAddress(handle: Handle): SocketAddress | undefined | Result {
    const file = this.#socket(handle);
    return typeof file === "number" ? file : file.localAddress;
  }

  remoteAddress(handle: Handle): SocketAddress | undefined | Result {
    const file = this.#socket(handle);
    return typeof file === "number" ? file : file.remoteAddress;
  }

  alpnProtocol(handle: Handle): string | undefined | Result {
    const file = this.#socket(handle);
    if (typeof file === "number") return file;
    return file instanceof Listener ? -Errno.ENOTCONN : file instanceof Stream ? file.alpnProtocol : undefined;
  }

  closeWrite(handle: Handle): Result {
    const file = this.#socket(handle);
    return typeof file === "number" ? file : file.closeWrite();
  }

  /** Removes a socket file, and no file of another kind: ENOTSOCK. That of a listener goes with it already. */
  removeSocketFile(path: string): Result {
    if (isAbstract(path)) return -Errno.ENOENT;
    if (!isGranted({ name: "read", path }) || !isGranted({ name: "write", path })) return -Errno.EACCES;
    try {
      if (!fs().lstatSync(path).isSocket()) return -Errno.ENOTSOCK;
      fs().unlinkSync(path);
      return 0;
    } catch (error) {
      return -socketErrno(error);
    }
  }

  /** No host has datagrams of AF_UNIX. */
  sendDatagram(_path: string, _data: Uint8Array): Result {
    return -Errno.EOPNOTSUPP;
  }

  /** Calls `done` with the numeric addresses of a hostname, or with a negated errno, from a turn of the host. */
  resolve(hostname: string, done: (result: CompletionResult) => void): Result {
    return resolve(hostname, done);
  }

  #opened(file: Socket | Result): Result {
    return typeof file === "number" ? file : this.#descriptors.open(file);
  }

  #socket(handle: Handle): Socket | Result {
    const file = this.#descriptors.get(handle)?.file;
    if (file === undefined) return -Errno.EBADF;
    return file instanceof Stream || file instanceof Listener || file instanceof DatagramSocket ? file : -Errno.ENOTSOCK;
  }
}

function openPlainStream(place: InternetAddress | UnixAddress): Stream | Result {
  const raw = sendOff(place);
  if (typeof raw === "number") return raw;
  return new Stream(new Wire(raw), { arrival: "connect", remote: place });
}

function openSecureStream(place: InternetAddress | UnixAddress, tls: ClientTls): Stream | Result {
  const context = clientContext(tls);
  if (typeof context === "number") return context;
  const raw = sendOff(place);
  if (typeof raw === "number") return raw;
  return new Stream(secureClient(raw, context, tls.serverName), { arrival: "secureConnect", remote: place });
}

/** A socket of the host's on its way. */
function sendOff(place: InternetAddress | UnixAddress): HostSocket | Result {
  const raw = new (net().Socket)({ allowHalfOpen: true });
  raw.setNoDelay(true);
  try {
    return "path" in place ? raw.connect({ path: hostPath(place.path) }) : raw.connect({ host: place.hostname, port: place.port });
  } catch (error) {
    raw.destroy();
    return -socketErrno(error);
  }
}
