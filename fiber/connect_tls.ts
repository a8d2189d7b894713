/**
 * Opening secure connections.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import type { ClientTls, SocketAddress } from "../event/kernel/kernel.ts";
import { requireOptions } from "../event/validate.ts";
import { type Operation, requireFiber } from "../future/operation.ts";
import { describeAddress, requireAddress } from "./address.ts";
import { Checkpoint } from "./checkpoint.ts";
import { reach } from "./connect.ts";
import type { Connection } from "./connection.ts";
import { requireIdentity, requireProtocols, requireTexts, requireTls } from "./tls_options.ts";

/** How {@linkcode connectTls} makes a connection secure. */
export interface ConnectTlsOptions {
  /** The name or numeric address that the server's certificate must be for. Default: the hostname; a path has none, and needs this. */
  serverName?: string;
  /** Certificates of authorities that are trusted besides those that the host trusts: PEM, one each. Default: none. */
  caCerts?: readonly string[];
  /** The client's own certificate, for a server that asks for one: PEM, with those of the authorities in between behind it. Goes with `key`. */
  cert?: string;
  /** The key that belongs to it: PEM, without a passphrase. */
  key?: string;
  /** The protocols to choose from (ALPN), the best first; see {@linkcode Connection.alpnProtocol}. Default: it is not spoken of. */
  alpnProtocols?: readonly string[];
}

const names: readonly string[] = ["serverName", "caCerts", "cert", "key", "alpnProtocols"];

/**
 * Opens a secure connection, by TLS.
 *
 * Suspends while the name is looked up, until the connection stands and until both sides have shaken hands; what it gives is a connection like any other.
 * The addresses of a name are tried one after the other, in the resolver's order; if none serves, the error of the last one is thrown. Interrupted, at
 * whatever stage, nothing is left behind. The portable kernel has TLS, the others have not.
 *
 * @param address Without a hostname: the local host. A hostname is a name or numeric. A path is that of a socket file; a leading `@` is the abstract
 * namespace.
 * @returns The connection, to be closed by you. Closing says goodbye to the other side first, as TLS wants it.
 * @throws {CancelledError} When the fiber is cancelled.
 * @throws {TimeoutError} When a deadline of the fiber passes.
 * @throws {SystemError} EOPNOTSUPP on a kernel without TLS, EKEYREJECTED (the server's certificate has expired, is for another name, or of an authority
 * that is not trusted), EPROTO (any other failure of the handshake: the server speaks no TLS, or none of the protocols), ECONNRESET (it
 * hung up meanwhile), EBADMSG (a certificate or key that cannot be used), and others as {@linkcode connect}.
 *
 * @example A server that is not there
 * ```ts
 * import { connectTls, EventLoop, portableKernel, run, sec, SystemError, withTimeout } from "@sd/fibers";
 * import { assert } from "@std/assert";
 *
 * using loop = new EventLoop({ kernel: portableKernel() });
 * await run(function* () {
 *   try {
 *     using connection = yield* withTimeout(sec(5), connectTls({ hostname: "localhost", port: 1 }, { alpnProtocols: ["h2"] }));
 *     yield* connection.writeAll(new TextEncoder().encode("PRI * HTTP/2.0"));
 *   } catch (error) {
 *     assert(error instanceof SystemError && error.code === "ECONNREFUSED");
 *   }
 * }, { loop });
 * ```
 */
export function* connectTls(address: SocketAddress, options: ConnectTlsOptions = {}): Operation<Connection> {
  const fiber = requireFiber();
  yield* new Checkpoint();
  const { core } = fiber;
  requireAddress(address, "connect to");
  const action = `connect to ${describeAddress(address)} by TLS`;
  requireOptions(options, names, action);
  requireTls(core, action);
  return yield* reach(core, address, clientTls(address, options, action));
}

function clientTls(address: SocketAddress, options: ConnectTlsOptions, action: string): ClientTls {
  const { caCerts = [], cert, key, alpnProtocols = [] } = options;
  const serverName = options.serverName ?? ("path" in address ? undefined : address.hostname ?? "localhost");
  if (typeof serverName !== "string" || serverName === "") {
    throw new SystemError("EINVAL", `Cannot ${action} as '${serverName ?? ""}': give the name that its certificate is for, by serverName`);
  }
  return {
    serverName,
    caCerts: requireTexts(caCerts, "caCerts", action),
    identity: cert === undefined && key === undefined ? undefined : requireIdentity(cert, key, action),
    alpnProtocols: requireProtocols(alpnProtocols, action),
  };
}
