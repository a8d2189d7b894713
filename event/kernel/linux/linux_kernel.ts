/**
 * The kernel on Linux, put together from its parts.
 *
 * @module
 */

import type { Kernel, KernelFeature } from "../kernel.ts";
import { now } from "./clocks.ts";
import { close, duplicate, openPipe, setBlocking, tryRead, tryWrite } from "./descriptors.ts";
import { addFileWatch, inodeOf, openFileWatcher, openPath, pathOf, removeFileWatch } from "./file_watches.ts";
import { tryReceive, trySend } from "./messages.ts";
import { LinuxPoller } from "./poller.ts";
import { environment, readBootId } from "./process_facts.ts";
import { openPressure, pressurePaths } from "./pressure.ts";
import { openProcess, peekProcess, processId, reapKilledProcess, reapProcess, signalProcess } from "./processes.ts";
import { reapsAutomatically } from "./signal_action.ts";
import { signalsHaveInfo } from "./signals.ts";
import {
  alpnProtocol,
  closeWrite,
  connectSocket,
  localAddress,
  openDatagram,
  openListener,
  openSocketPair,
  openStream,
  remoteAddress,
  removeSocketFile,
  sendDatagram,
  socketError,
  tryAccept,
} from "./sockets.ts";
import { spawn } from "./spawn.ts";
import { openTimeChange } from "./time_change.ts";
import { turn } from "./turns.ts";
import { tryReadVector, tryWriteVector } from "./vectors.ts";

const always: readonly KernelFeature[] = [
  "descriptors",
  "blocking",
  "nesting",
  "pidfd",
  "inotify",
  "pressure",
  "datagrams",
  "descriptor-passing",
];

/** Linux by libc, which must be open. */
export function makeLinuxKernel(): Kernel {
  let features: ReadonlySet<KernelFeature> | undefined;
  let bootId: Uint8Array | undefined;
  return {
    name: "linux",
    // Whether signals come with siginfo is found out when somebody asks: it takes a page of machine code.
    get features(): ReadonlySet<KernelFeature> {
      return features ??= new Set(signalsHaveInfo() ? [...always, "siginfo"] : always);
    },
    hostWaits: 0,
    openPoller: LinuxPoller.open,
    now,
    bootId: () => bootId ??= readBootId(),
    environment,
    pid: Deno.pid,
    tryRead,
    tryWrite,
    tryReadVector,
    tryWriteVector,
    tryReceive,
    trySend,
    tryAccept,
    duplicate,
    close,
    setBlocking,
    openPipe,
    openListener,
    openStream,
    openDatagram,
    openSocketPair,
    connectSocket,
    socketError,
    localAddress,
    remoteAddress,
    alpnProtocol,
    closeWrite,
    removeSocketFile,
    sendDatagram,
    pressurePaths,
    openPressure,
    openTimeChange,
    spawn,
    openProcess,
    processId,
    peekProcess,
    reapProcess,
    reapKilledProcess,
    signalProcess,
    reapsAutomatically,
    openFileWatcher,
    openPath,
    inodeOf,
    pathOf,
    addFileWatch,
    removeFileWatch,
    turn,
  };
}
