/**
 * TLS over the host's sockets.
 *
 * @module
 */

import type { Socket } from "node:net";
import type { SecureContext } from "node:tls";
import { Errno } from "../../errno.ts";
import type { ClientTls, Result, ServerTls, TlsIdentity } from "../kernel.ts";
import { crypto, net, tls as hostTls } from "./builtin.ts";
import { Metered } from "./metered.ts";
import { Wire } from "./wire.ts";

/** What both sides of a handshake bring along, read and understood. */
export interface TlsContext {
  readonly secure: SecureContext;
  readonly alpnProtocols: string[] | undefined;
}

/** The context of a client, with which it looks at what the server shows; EBADMSG for a certificate or key that cannot be used. */
export function clientContext(tls: ClientTls): TlsContext | Result {
  return contextOf(tls, tls.caCerts, tls.identity);
}

/** The context of a server. */
export function serverContext(tls: ServerTls): TlsContext | Result {
  return contextOf(tls, [], tls.identity);
}

/** The last one that was made for a client: to read the roots of the host takes longer than a handshake. */
let lastContext: { readonly key: string; readonly secure: SecureContext } | undefined;

function contextOf(
  { alpnProtocols }: ClientTls | ServerTls,
  caCerts: readonly string[],
  identity: TlsIdentity | undefined,
): TlsContext | Result {
  const key = JSON.stringify([caCerts, identity]);
  const protocols = alpnProtocols.length > 0 ? [...alpnProtocols] : undefined;
  if (lastContext?.key === key) return { secure: lastContext.secure, alpnProtocols: protocols };
  try {
    if (!areUsable(caCerts, identity)) return -Errno.EBADMSG;
    // Certificates that are given replace those of the host, which are to be trusted as well.
    const ca = caCerts.length > 0 ? [...hostTls().rootCertificates, ...caCerts] : undefined;
    lastContext = { key, secure: hostTls().createSecureContext({ ca, cert: identity?.cert, key: identity?.key }) };
    return { secure: lastContext.secure, alpnProtocols: protocols };
  } catch {
    return -Errno.EBADMSG;
  }
}

/** Whether each is one, and the key belongs to the certificate. Throws too where one is not; not every host looks at them by itself. */
function areUsable(caCerts: readonly string[], identity: TlsIdentity | undefined): boolean {
  for (const cert of caCerts) new (crypto().X509Certificate)(cert);
  return identity === undefined || new (crypto().X509Certificate)(identity.cert).checkPrivateKey(crypto().createPrivateKey(identity.key));
}

/** Begins the handshake of a client over a socket that may still be on its way; the wire's socket says "secureConnect" at its end. */
export function secureClient(raw: Socket, context: TlsContext, serverName: string): Wire {
  const metered = meter(raw);
  const isName = net().isIP(serverName) === 0;
  const socket = hostTls().connect({
    socket: metered?.stream ?? raw,
    // What the certificate must be for; a numeric address is not sent.
    host: serverName,
    servername: isName ? serverName : "",
    secureContext: context.secure,
    ALPNProtocols: context.alpnProtocols,
  });
  return new Wire(raw, socket, metered);
}

/** Begins the handshake of a server over a socket that was accepted; the wire's socket says "secure" at its end. */
export function secureServer(raw: Socket, context: TlsContext): Wire {
  const metered = meter(raw);
  const socket = new (hostTls().TLSSocket)(metered?.stream ?? raw, {
    isServer: true,
    secureContext: context.secure,
    ALPNProtocols: context.alpnProtocols,
  });
  return new Wire(raw, socket, metered);
}

/** What stands between the network and TLS, where the host needs that. */
function meter(raw: Socket): Metered | undefined {
  return "Deno" in globalThis ? new Metered(raw) : undefined;
}
