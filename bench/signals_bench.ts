/**
 * A signal from its sender to its source.
 */

import { EventLoop } from "@sd/fibers";

const SIGNALS = 1_000;

/** Sends each signal when the one before has come. */
function receiveAll(loop: EventLoop): void {
  let count = 0;
  loop.addSignal("SIGUSR1", () => {
    if (++count === SIGNALS) loop.exit();
    else Deno.kill(Deno.pid, "SIGUSR1");
  });
}

Deno.bench("1 000 signals to this process, one after the other", { group: "signals", baseline: true }, (b) => {
  using loop = new EventLoop();
  receiveAll(loop);
  b.start();
  Deno.kill(Deno.pid, "SIGUSR1");
  loop.loopSync();
  b.end();
});

Deno.bench("the same, hosted", { group: "signals" }, async (b) => {
  using loop = new EventLoop();
  receiveAll(loop);
  b.start();
  Deno.kill(Deno.pid, "SIGUSR1");
  await loop.loop();
  b.end();
});

Deno.bench("the same, by Deno.addSignalListener", { group: "signals" }, async (b) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let count = 0;
  const onSignal = () => {
    if (++count === SIGNALS) resolve();
    else Deno.kill(Deno.pid, "SIGUSR1");
  };
  Deno.addSignalListener("SIGUSR1", onSignal);
  // A listener does not keep the host's event loop going.
  const alive = setInterval(() => {}, 1000);
  b.start();
  Deno.kill(Deno.pid, "SIGUSR1");
  await promise;
  b.end();
  clearInterval(alive);
  Deno.removeSignalListener("SIGUSR1", onSignal);
});
