/**
 * The Linux kernel under the contract.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { openSync } from "node:fs";
import { libc } from "../../event/kernel/linux/libc.ts";
import { linuxKernel } from "../../event/kernel/linux/mod.ts";
import { AF_UNIX, encodeAddress } from "../../event/kernel/linux/socket_address.ts";
import type { Kernel } from "../../event/kernel/kernel.ts";
import { hasIpv6 } from "../_host.ts";
import { systemHands } from "./_system_hands.ts";
import { ipv6Tests, type KernelHands, testKernel } from "./contract.ts";

const AF_INET = 2;
const SOCK_DGRAM_NONBLOCK_CLOEXEC = 0x8_0802;
const SOCK_STREAM_NONBLOCK_CLOEXEC = 0x8_0801;

const receivers: number[] = [];
const system = systemHands();

const hands: KernelHands = {
  ...system,
  name: "linux",
  openKernel: linuxKernel,
  openUnwatchable: () => openSync(new URL(import.meta.url), "r"),
  openSocket: () => libc.socket(AF_INET, SOCK_STREAM_NONBLOCK_CLOEXEC, 0),
  makeReceiver,
  lacks: hasIpv6() ? {} : { "IPv6 on this machine": ipv6Tests },
  cleanUp: () => {
    for (const handle of receivers.splice(0)) libc.close(handle);
    system.cleanUp?.();
  },
};

/** The host has no datagram sockets of this kind. */
function makeReceiver(kernel: Kernel, path: string): () => string[] {
  const address = encodeAddress({ path }, "");
  assert(typeof address === "object");
  const handle = libc.socket(AF_UNIX, SOCK_DGRAM_NONBLOCK_CLOEXEC, 0);
  assertEquals(libc.bind(handle, address.bytes, address.bytes.length), 0);
  receivers.push(handle);
  const buffer = new Uint8Array(100);
  return () => {
    const texts: string[] = [];
    for (let count = 0; (count = kernel.tryRead(handle, buffer)) >= 0;) texts.push(new TextDecoder().decode(buffer.subarray(0, count)));
    return texts;
  };
}

testKernel(hands);
