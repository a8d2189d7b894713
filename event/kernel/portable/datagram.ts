/**
 * Datagram sockets: UDP, which is all that hosts have.
 *
 * Some facts about them, and why it is done this way:
 *
 * - They cannot be held back: what comes while nobody receives waits here, and is lost beyond a limit, as the system itself loses what finds no room.
 * - What is sent is on its way when the host says so, a turn later, and so are errors: the next call takes them. Of two that it is to send at once Deno
 *   may send the second one first. So each waits for the one before.
 * - A socket that the host has connected sends nowhere else, and not every host tells such a one that nobody is there. So none is connected: where it
 *   sends to is remembered here, and what comes from elsewhere is passed over.
 * - They look each address up, numeric or not, by a function that may be given, and the answer may come at once. So they are bound when that is asked
 *   for. Bun does not know by then which port the system chose: there we choose one.
 *
 * @module
 */

import type { RemoteInfo, Socket } from "node:dgram";
import { Errno } from "../../errno.ts";
import { IoEvent, MessageFlag } from "../../flags.ts";
import { type Delivery, type Letter, OpenFile } from "../emulated/open_file.ts";
import type { DatagramAddress, Result, SocketAddress } from "../kernel.ts";
import { dgram, net } from "./builtin.ts";
import { complete, type InternetAddress, isPermitted } from "./addresses.ts";
import { socketErrno } from "./socket_error.ts";

/** How many bytes may wait for a receiver, and how many may be on their way out. */
const capacityBytes = 262_144;
/** What each message counts besides its bytes, so that there is an end to empty ones. */
const overheadBytes = 768;
/** The largest message over IPv4 and over IPv6. */
const largestBytes = { udp4: 65_507, udp6: 65_527 } as const;
/** Where ports are that nobody has a claim to, and how often one is tried. */
const firstFreePort = 49_152;
const portTries = 100;

const anyHost = "0.0.0.0";
const localHost = "127.0.0.1";
const everybody = "255.255.255.255";

const { IN, OUT, ERR } = IoEvent;

/** A message, and where it comes from or goes to. */
interface Message {
  readonly data: Uint8Array;
  readonly address: InternetAddress;
}

/** A socket that sends and receives messages. */
export class DatagramSocket extends OpenFile {
  readonly #family: "udp4" | "udp6";
  readonly #socket: Socket;
  readonly #mayBroadcast: boolean;
  #local: InternetAddress | undefined = undefined;
  #remote: InternetAddress | undefined = undefined;
  readonly #received: Message[] = [];
  #receivedBytes = 0;
  /** What is on its way out, the first of it in the host's hands. */
  readonly #unsent: Message[] = [];
  #unsentBytes = 0;
  #isFull = false;
  #isReleased = false;
  #writeEnded = false;
  /** A positive errno that the next call on the socket takes. */
  #error = 0;
  /** Where we were last let send to. */
  #permitted = "";

  private constructor(family: "udp4" | "udp6", mayBroadcast: boolean) {
    super();
    this.#family = family;
    this.#mayBroadcast = mayBroadcast;
    this.#socket = dgram().createSocket({ type: family, lookup: answerAtOnce });
    this.#socket.on("error", (error) => this.#fail(error));
    this.#socket.on("message", (data, from) => this.#admit(data, from));
    if (mayBroadcast) this.#socket.on("listening", () => this.#socket.setBroadcast(true));
  }

  /** A socket that is bound there, its hostname numeric. Hosts share ports between processes in ways of their own, if at all. */
  static open(address: DatagramAddress): DatagramSocket | Result {
    const place = "path" in address && address.path === "" ? -Errno.EOPNOTSUPP : complete(address, anyHost);
    if (typeof place === "number") return place;
    if ("path" in place || (address as { reusePort?: boolean }).reusePort) return -Errno.EOPNOTSUPP;
    if (!isPermitted(place)) return -Errno.EACCES;
    const { broadcast = false } = address as { broadcast?: boolean };
    if (place.port !== 0 || !("Bun" in globalThis)) return DatagramSocket.#openAt(place, broadcast);
    for (let tries = 0; tries < portTries; tries++) {
      const port = firstFreePort + Math.floor(Math.random() * (2 ** 16 - firstFreePort));
      const socket = DatagramSocket.#openAt({ ...place, port }, broadcast);
      if (socket !== -Errno.EADDRINUSE) return socket;
    }
    return -Errno.EADDRINUSE;
  }

  static #openAt(place: InternetAddress, broadcast: boolean): DatagramSocket | Result {
    const socket = new DatagramSocket(net().isIPv6(place.hostname) ? "udp6" : "udp4", broadcast);
    try {
      socket.#socket.bind({ address: place.hostname, port: place.port, exclusive: true });
    } catch (error) {
      socket.#fail(error);
    }
    // What is wrong with the address was told of within the call.
    if (socket.#error !== 0) {
      socket.#socket.close();
      return socket.takeError();
    }
    socket.#socket.unref();
    socket.#local = place.port === 0 ? addressOf(socket.#socket.address()) : place;
    return socket;
  }

  get description(): string {
    return "datagram socket";
  }

  override get isFedByHost(): boolean {
    return true;
  }

  override get isSocket(): boolean {
    return true;
  }

  override get readableBytes(): number {
    return this.#received[0]?.data.length ?? 0;
  }

  /** Where it is bound. */
  get localAddress(): SocketAddress | undefined {
    return this.#local;
  }

  /** Where it sends to; ENOTCONN where there is no such place. */
  get remoteAddress(): SocketAddress | Result {
    return this.#remote ?? -Errno.ENOTCONN;
  }

  override readiness(): number {
    return (this.#received.length > 0 ? IN : 0) | (this.#isFull ? 0 : OUT) | (this.#error === 0 ? 0 : IN | ERR);
  }

  override read(buffer: Uint8Array): Result {
    if (buffer.length === 0) return 0;
    const delivery = this.receive(buffer, 0);
    return typeof delivery === "number" ? delivery : delivery.count;
  }

  override receive(buffer: Uint8Array, flags: number): Delivery | Result {
    if (this.#error !== 0) return this.takeError();
    const message = this.#received[0];
    if (message === undefined) return -Errno.EAGAIN;
    const { data, address } = message;
    const part = data.subarray(0, buffer.length);
    buffer.set(part);
    if ((flags & MessageFlag.PEEK) === 0) {
      this.#received.shift();
      this.#receivedBytes -= data.length + overheadBytes;
    }
    return { count: part.length, wholeCount: data.length, address, parcel: undefined };
  }

  override write(data: Uint8Array): Result {
    return this.send({ data, address: undefined, parcel: undefined });
  }

  override send({ data, address }: Letter): Result {
    if (this.#writeEnded) return -Errno.EPIPE;
    const target = address === undefined ? this.#remote ?? -Errno.EDESTADDRREQ : this.#target(address);
    if (typeof target === "number") return target;
    if (this.#error !== 0) return this.takeError();
    if (data.length > largestBytes[this.#family]) return -Errno.EMSGSIZE;
    if (target.hostname === everybody && !this.#mayBroadcast) return -Errno.EACCES;
    if (!this.#isPermitted(target)) return -Errno.EACCES;
    const size = data.length + overheadBytes;
    if (this.#unsentBytes + size > capacityBytes) {
      this.#isFull = true;
      return -Errno.EAGAIN;
    }
    this.#unsentBytes += size;
    if (this.#unsent.push({ data: data.slice(), address: target }) === 1) this.#sendNext();
    return data.length;
  }

  /** Sends there by default from now on, and receives from there alone. */
  connect(address: SocketAddress): Result {
    const target = this.#target(address);
    if (typeof target === "number") return target;
    this.#remote = target;
    return 0;
  }

  /** The error that the socket holds, negative, and no longer. */
  takeError(): Result {
    const error = this.#error;
    this.#error = 0;
    return error === 0 ? 0 : -error;
  }

  /** Ends the writing direction. */
  closeWrite(): Result {
    if (this.#remote === undefined) return -Errno.ENOTCONN;
    this.#writeEnded = true;
    return 0;
  }

  /** The last handle went, and with it all that nobody has received. What is on its way out still goes. */
  override release(): void {
    this.#isReleased = true;
    this.#received.length = 0;
    if (this.#unsent.length === 0) this.#socket.close();
    else this.#socket.ref();
  }

  #target(address: SocketAddress): InternetAddress | Result {
    const place = complete(address, localHost);
    if (typeof place === "number") return place;
    if ("path" in place) return -Errno.EAFNOSUPPORT;
    if (place.port === 0) return -Errno.EINVAL;
    if (this.#family === "udp6") return { hostname: canonical(place.hostname), port: place.port };
    return net().isIPv6(place.hostname) ? -Errno.EAFNOSUPPORT : place;
  }

  #isPermitted(target: InternetAddress): boolean {
    const place = `${target.hostname} ${target.port}`;
    if (place === this.#permitted) return true;
    if (!isPermitted(target)) return false;
    this.#permitted = place;
    return true;
  }

  #sendNext(): void {
    const { data, address } = this.#unsent[0];
    try {
      this.#socket.send(data, address.port, address.hostname, (error) => this.#sent(error));
    } catch (error) {
      this.#sent(error);
    }
  }

  #sent(error: unknown): void {
    this.#unsentBytes -= this.#unsent.shift()!.data.length + overheadBytes;
    if (error && !this.#isReleased) this.#fail(error);
    if (this.#unsent.length > 0) this.#sendNext();
    else if (this.#isReleased) this.#socket.close();
    if (this.#isReleased || !this.#isFull || this.#unsentBytes > capacityBytes / 2) return;
    this.#isFull = false;
    this.notify(OUT);
  }

  #admit(data: Uint8Array, { address, port }: RemoteInfo): void {
    const remote = this.#remote;
    const from = { hostname: this.#family === "udp6" ? canonical(address) : address, port };
    if (this.#isReleased || (remote !== undefined && (remote.port !== port || remote.hostname !== from.hostname))) return;
    const size = data.length + overheadBytes;
    if (this.#receivedBytes + size > capacityBytes) return;
    this.#received.push({ data, address: from });
    this.#receivedBytes += size;
    this.notify(IN);
  }

  #fail(error: unknown): void {
    this.#error = socketErrno(error);
    this.notify(IN | ERR);
  }
}

/** Says of a numeric address that it is that. */
function answerAtOnce(hostname: string, options: unknown, callback?: unknown): void {
  const done = (callback ?? options) as (error: null, address: string, family: number) => void;
  done(null, hostname, net().isIPv6(hostname) ? 6 : 4);
}

function addressOf({ address, port }: { address: string; port: number }): InternetAddress {
  return { hostname: address, port };
}

/** An address as a socket of IPv6 has it, in one spelling: that of IPv4 stands behind a prefix there. */
function canonical(hostname: string): string {
  const [address, zone = ""] = hostname.split("%");
  if (!net().isIPv6(address)) return `::ffff:${address}`;
  const spelled = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/.exec(spelled) ?? [];
  if (high === undefined) return zone === "" ? spelled : `${spelled}%${zone}`;
  const bytes = [high, low].flatMap((half) => [parseInt(half, 16) >> 8, parseInt(half, 16) & 0xff]);
  return `::ffff:${bytes.join(".")}`;
}
