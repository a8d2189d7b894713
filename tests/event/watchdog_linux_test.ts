/**
 * The watchdog on the Linux kernel, heard by a real socket.
 *
 * @module
 */

import { EventLoop, IoEvent, linuxKernel, sec } from "@sd/fibers";
import { assertEquals } from "@std/assert";
import { libc } from "../../event/kernel/linux/libc.ts";
import { AF_UNIX, encodeAddress } from "../../event/kernel/linux/socket_address.ts";
import { freshPlace, startProgram } from "./_program.ts";

const SOCK_DGRAM_NONBLOCK_CLOEXEC = 0x8_0802;

/** A datagram socket at a path, as the service manager has one; disposing it closes it. */
function bindDatagrams(path: string): { readonly handle: number } & Disposable {
  const handle = libc.socket(AF_UNIX, SOCK_DGRAM_NONBLOCK_CLOEXEC, 0);
  const address = encodeAddress({ path }, "") as { bytes: Uint8Array<ArrayBuffer> };
  assertEquals(libc.bind(handle, address.bytes, address.bytes.length), 0);
  return { handle, [Symbol.dispose]: () => void linuxKernel().close(handle) };
}

/** The next messages that come to a socket; fewer where no more come in a minute. */
async function receive(handle: number, count: number): Promise<string[]> {
  const messages: string[] = [];
  const buffer = new Uint8Array(100);
  using loop = new EventLoop();
  loop.addTimeRelative("monotonic", sec(60), () => loop.exit());
  loop.addIo(handle, IoEvent.IN, () => {
    const length = linuxKernel().tryRead(handle, buffer);
    messages.push(new TextDecoder().decode(buffer.subarray(0, length)));
    if (messages.length === count) loop.exit();
  });
  await loop.loop();
  return messages;
}

for (const pace of ["idle", "busy"]) {
  for (const drive of ["async", "sync"]) {
    Deno.test(`A program that is ${pace} in its ${drive} loop tells the service manager again and again`, async () => {
      using place = freshPlace();
      using socket = bindDatagrams(place.path);
      await using _child = startProgram("watchdog", { NOTIFY_SOCKET: place.path, WATCHDOG_USEC: "40000" }, [pace, drive]);
      assertEquals(await receive(socket.handle, 4), Array(4).fill("WATCHDOG=1"));
    });
  }
}
