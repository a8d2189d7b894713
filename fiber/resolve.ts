/**
 * Names of hosts.
 *
 * @module
 */

import type { LoopCore } from "../event/loop_core.ts";
import type { Operation } from "../future/operation.ts";
import { operationError, perform } from "./kernel_operation.ts";

/** Causes that say more than their code does. */
const causes = {
  EACCES: "not permitted, by the system or for want of --allow-net",
  ENOENT: "the name has no address",
};

/** The numeric addresses of a hostname, in the resolver's order. Interrupted, nothing is left behind. */
export function* resolve(core: LoopCore, hostname: string): Operation<readonly string[]> {
  const action = `resolve '${hostname}'`;
  const result = yield* perform(core, { kind: "resolve", hostname }, action);
  if (typeof result === "number") throw operationError(action, result, causes);
  return result as readonly string[];
}
