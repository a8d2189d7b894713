/**
 * A byte through a pipe and back to the loop.
 */

import { EventLoop, IoEvent } from "@sd/fibers";

const PINGS = 10_000;

Deno.bench("10 000 pings over a pipe, by an io source", (b) => {
  using loop = new EventLoop();
  const { kernel } = loop;
  const pipe = kernel.openPipe();
  if (typeof pipe === "number") throw new Error(`No pipe: errno ${-pipe}`);
  const [reader, writer] = pipe;
  const byte = new Uint8Array(1);
  let count = 0;
  loop.addIo(reader, IoEvent.IN, () => {
    kernel.tryRead(reader, byte);
    if (++count < PINGS) kernel.tryWrite(writer, byte);
    else loop.exit();
  });
  kernel.tryWrite(writer, byte);
  b.start();
  loop.loopSync();
  b.end();
  kernel.close(reader);
  kernel.close(writer);
});
