/**
 * What the loop itself costs.
 */

import { EventLoop } from "@sd/fibers";

const DISPATCHES = 10_000;

/** Counts the dispatches of a source, and exits the loop after the last. */
function counter(loop: EventLoop): () => void {
  let count = 0;
  return () => {
    if (++count === DISPATCHES) loop.exit();
  };
}

Deno.bench({
  name: "10 000 dispatches of one defer source",
  group: "dispatch",
  fn(b) {
    using loop = new EventLoop();
    loop.addDefer(counter(loop), { enabled: "on" });
    b.start();
    loop.loopSync();
    b.end();
  },
});

Deno.bench({
  name: "10 000 dispatches among 100 defer sources",
  group: "dispatch",
  fn(b) {
    using loop = new EventLoop();
    const count = counter(loop);
    for (let i = 0; i < 100; i++) loop.addDefer(count, { enabled: "on" });
    b.start();
    loop.loopSync();
    b.end();
  },
});

Deno.bench({
  name: "10 000 dispatches of one defer source, hosted",
  group: "dispatch",
  async fn(b) {
    using loop = new EventLoop();
    loop.addDefer(counter(loop), { enabled: "on" });
    b.start();
    await loop.loop();
    b.end();
  },
});
