/**
 * The suite that every kernel passes: what the contract at the head of `event/kernel/kernel.ts` promises, and what its calls do.
 *
 * @module
 */

import { testDatagrams } from "./contract_datagrams.ts";
import { testFiles } from "./contract_files.ts";
import { testHandles } from "./contract_handles.ts";
import { testOperations } from "./contract_operations.ts";
import { testParking } from "./contract_parking.ts";
import { testPassing } from "./contract_passing.ts";
import { testPressure } from "./contract_pressure.ts";
import { testProcesses } from "./contract_processes.ts";
import { testReadiness } from "./contract_readiness.ts";
import { testSignals } from "./contract_signals.ts";
import { testSockets } from "./contract_sockets.ts";
import { testWakeups } from "./contract_wakeups.ts";
import { testWholeFiles } from "./contract_whole_files.ts";
import type { KernelHands } from "./_trial.ts";

export type { KernelHands, Program } from "./_trial.ts";

/** The tests that ask for IPv6, by how their names begin. */
export const ipv6Tests: readonly string[] = [
  "Kernel.trySend() reaches a datagram socket on an IPv6 port",
  "Messages to an IPv6 port",
  "A message to an IPv6 port",
  "Kernel.connectSocket() gives a datagram socket a peer on an IPv6 port",
  "A datagram socket on an IPv6 port",
  "Kernel.openDatagram() reports EADDRINUSE for an IPv6 port",
  "Kernel.tryReceive() and Kernel.trySend() do not wait, also on a blocking socket on an IPv6 port",
  "A datagram socket on all of IPv6",
];

/** Registers the whole suite for one kernel. */
export function testKernel(hands: KernelHands): void {
  testHandles(hands);
  testReadiness(hands);
  testWakeups(hands);
  testSignals(hands);
  testProcesses(hands);
  testSockets(hands);
  testDatagrams(hands);
  testPassing(hands);
  testOperations(hands);
  testFiles(hands);
  testWholeFiles(hands);
  testParking(hands);
  testPressure(hands);
}
