/**
 * Sockets that listen for secure connections.
 *
 * @module
 */

import type { EventLoop } from "../event/event_loop.ts";
import type { ListenAddress } from "../event/kernel/kernel.ts";
import { requireOptions } from "../event/validate.ts";
import { requireNotExiting } from "../future/event_future.ts";
import { currentCore } from "./fiber.ts";
import { type Listener, openListener } from "./listener.ts";
import { requireIdentity, requireProtocols, requireTls } from "./tls_options.ts";

/** How {@linkcode listenTls} makes connections secure. */
export interface ListenTlsOptions {
  /** The server's certificate: PEM, with those of the authorities in between behind it. */
  cert: string;
  /** The key that belongs to it: PEM, without a passphrase. */
  key: string;
  /**
   * The protocols to choose from (ALPN), the best first; see {@linkcode Connection.alpnProtocol}. A client that speaks of others alone is
   * refused. Default: it is not spoken of.
   */
  alpnProtocols?: readonly string[];
  /** Default: the current fiber's, else the default loop. */
  loop?: EventLoop;
}

const names: readonly string[] = ["cert", "key", "alpnProtocols", "loop"];

/**
 * Listens at an address, and makes the connections secure by TLS.
 *
 * {@linkcode Listener.accept} gives connections whose handshake is done. Handshakes go on side by side, as many as the backlog has room for, and beyond
 * that the oldest is given up. One that fails, or takes more than a minute, is the client's affair and ends nothing here. The portable
 * kernel has TLS, the others have not.
 *
 * @param address As for {@linkcode listen}, but for a descriptor: the kernel itself opens what it makes secure.
 * @returns The listener, to be closed by you.
 * @throws {SystemError} EOPNOTSUPP on a kernel without TLS, EBADMSG (a certificate or key that cannot be used), EINVAL, and others as {@linkcode listen}.
 *
 * @example A certificate that is none
 * ```ts
 * import { EventLoop, listenTls, portableKernel, SystemError } from "@sd/fibers";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * using loop = new EventLoop({ kernel: portableKernel() });
 * const error = assertThrows(() => listenTls({ port: 0 }, { cert: "mine", key: "mine too", loop }), SystemError);
 * assertEquals(error.code, "EBADMSG");
 * ```
 */
export function listenTls(address: ListenAddress, options: ListenTlsOptions): Listener {
  requireOptions(options, names, "listen by TLS");
  const { cert, key, alpnProtocols = [], loop } = options ?? {};
  const core = currentCore(loop);
  requireNotExiting(core, "listen");
  requireTls(core, "listen by TLS");
  const identity = requireIdentity(cert, key, "listen by TLS");
  return openListener(core, address, { identity, alpnProtocols: requireProtocols(alpnProtocols, "listen by TLS") });
}
