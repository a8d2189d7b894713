/**
 * What TLS is asked to do.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import type { TlsIdentity } from "../event/kernel/kernel.ts";
import type { LoopCore } from "../event/loop_core.ts";

/** The longest name of a protocol, in bytes. */
const longestProtocolBytes = 255;

/** EOPNOTSUPP on a kernel without TLS. */
export function requireTls({ kernel, name }: LoopCore, action: string): void {
  if (kernel.features.has("tls")) return;
  throw new SystemError("EOPNOTSUPP", `Cannot ${action}: the ${kernel.name} kernel of loop '${name}' has no TLS, portableKernel() has`);
}

/** The texts of an option; EINVAL for what is no array of them. */
export function requireTexts(texts: readonly string[], option: string, action: string): readonly string[] {
  if (Array.isArray(texts) && texts.every((text) => typeof text === "string")) return texts;
  throw new SystemError("EINVAL", `Cannot ${action} with ${option} '${String(texts)}': it takes an array of texts`);
}

/** The names of protocols; EINVAL for one that is none. */
export function requireProtocols(protocols: readonly string[], action: string): readonly string[] {
  for (const protocol of requireTexts(protocols, "alpnProtocols", action)) {
    const { length } = new TextEncoder().encode(protocol);
    if (length > 0 && length <= longestProtocolBytes) continue;
    throw new SystemError("EINVAL", `Cannot ${action} with protocol '${protocol}': it takes 1 to ${longestProtocolBytes} bytes`);
  }
  return protocols;
}

/** A certificate with its key; EINVAL for one without the other. */
export function requireIdentity(cert: string | undefined, key: string | undefined, action: string): TlsIdentity {
  if (typeof cert === "string" && typeof key === "string") return { cert, key };
  throw new SystemError("EINVAL", `Cannot ${action}: 'cert' and 'key' are both needed, as texts in PEM`);
}
