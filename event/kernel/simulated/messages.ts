/**
 * The calls for messages, with faults.
 *
 * @module
 */

import type { Handle, ReceivedMessage, Result, SocketAddress } from "../kernel.ts";
import { receiveMessage, sendMessage } from "../emulated/messages.ts";
import { normalize } from "./addresses.ts";
import { faultyReceive, faultySend } from "./faulty_calls.ts";
import { ownPid } from "./processes.ts";
import type { World } from "./world.ts";

/** Takes a message, or what a stream has. */
export function tryReceive(
  { descriptors, faults }: World,
  handle: Handle,
  buffers: readonly Uint8Array[],
  flags: number,
  maxHandles: number,
  message: ReceivedMessage | undefined,
): Result {
  return receiveMessage(
    descriptors,
    handle,
    { buffers, flags, maxHandles, message },
    ({ file, owner }, buffer) => owner === ownPid ? faultyReceive(file, buffer, flags, faults) : file.receive(buffer, flags),
  );
}

/** Sends a message, or what fits into a stream. */
export function trySend(
  { descriptors, faults }: World,
  handle: Handle,
  data: readonly Uint8Array[],
  address: SocketAddress | undefined,
  handles: readonly Handle[],
): Result {
  const normal = address === undefined ? 0 : normalize(address, "127.0.0.1");
  if (typeof normal === "number" && normal < 0) return normal;
  return sendMessage(
    descriptors,
    handle,
    { data, address, handles },
    ({ file, owner }, letter) => owner === ownPid ? faultySend(file, letter, faults) : file.send(letter),
  );
}
