/**
 * What a program left behind.
 *
 * @module
 */

import { signalName } from "../../signal_names.ts";
import { clockNames } from "../../time.ts";
import type { EmulatedPoller } from "../emulated/poller.ts";
import { ownPid, type Processes } from "./processes.ts";
import type { World } from "./world.ts";

/** One line for each thing of this process that is still there. */
export function leakReport(world: World, processes: Processes): string[] {
  return [
    ...[...world.descriptors.of(ownPid)].map(([handle, file]) => `${file.description}, handle ${handle}`),
    ...[...world.pollers].flatMap((poller) => heldBy(poller, world)),
    ...processes.unreaped.map((child) => `process ${child.pid} '${child.command}', ${child.state}`),
  ];
}

function heldBy(poller: EmulatedPoller, world: World): string[] {
  const who = `poller ${poller.handle}`;
  const armed = [...poller.wakeups.times.entries()].filter(([, usec]) => usec !== Infinity);
  return [
    ...[...poller.watches].map(({ handle, file }) => `watch of ${file.description}, handle ${handle}, by ${who}`),
    ...armed.map(([clock, usec]) => `wake-up at ${usec} on the ${clockNames[clock]} clock, by ${who}`),
    ...world.signals.claimedBy(poller.signalQueue).map((signal) => `claim of ${signalName(signal)}, by ${who}`),
    ...[...poller.operations.tokens].map((token) => `operation with token ${token}, by ${who}`),
  ];
}
