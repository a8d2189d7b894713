/**
 * What is left for the host while a loop is busy.
 *
 * @module
 */

import { deferFuture, EventLoop } from "@sd/fibers";
import { assert, assertEquals } from "@std/assert";
import { virtualKernel } from "../_virtual_kernel.ts";

/** A loop that is busy until it exits: so many sources, each of whose callbacks takes so long. */
function busyLoop({ sources = 1, usec = 0, most = 1_000 }) {
  const kernel = virtualKernel();
  const loop = new EventLoop({ kernel });
  let dispatches = 0;
  for (let i = 0; i < sources; i++) {
    loop.addDefer(() => {
      kernel.advance(usec);
      if (++dispatches === most) loop.exit();
    }, { enabled: "on" });
  }
  return { kernel, loop };
}

for (const [usec, most] of [[1, 100_000], [10, 20_000], [100, 5_000], [1_000, 1_000]] as const) {
  Deno.test(`The host gets its turns while callbacks take ${usec} us`, async () => {
    const { kernel, loop } = busyLoop({ usec, most });
    const busy = usec * most;
    await loop.loop();
    const { tasks, io } = kernel.turns;
    // About one in a millisecond, and of these one in eight for timers and sockets.
    assert(tasks + io >= busy / 1_500 && tasks + io <= busy / 900, `${tasks + io} turns in ${busy} us`);
    assert(io >= busy / 12_000 && io <= busy / 7_500, `${io} turns for timers and sockets in ${busy} us`);
    loop[Symbol.dispose]();
  });
}

Deno.test("The first turn after a drive has begun comes some milliseconds later", async () => {
  const { kernel, loop } = busyLoop({ usec: 100, most: 200 });
  const turnsAt: number[] = [];
  loop.addDefer(() => void turnsAt.push(kernel.turns.tasks + kernel.turns.io), { enabled: "on" });
  await loop.loop();
  const first = turnsAt.findIndex((turns) => turns > 0) * 100;
  assert(first >= 4_900 && first <= 6_000, `The first turn came after ${first} us`);
  loop[Symbol.dispose]();
});

Deno.test("The host gets a turn after each callback that takes long", async () => {
  const { kernel, loop } = busyLoop({ usec: 50_000, most: 200 });
  await loop.loop();
  assert(kernel.turns.io >= 190, `${kernel.turns.io} turns for 200 callbacks`);
  loop[Symbol.dispose]();
});

Deno.test("The host gets a turn soon when callbacks begin to take long", async () => {
  const kernel = virtualKernel();
  const loop = new EventLoop({ kernel });
  const turnsAt: number[] = [];
  let dispatches = 0;
  loop.addDefer(() => {
    turnsAt.push(kernel.turns.tasks + kernel.turns.io);
    kernel.advance(++dispatches > 1_000 ? 20_000 : 1);
    if (dispatches === 1_100) loop.exit();
  }, { enabled: "on" });
  await loop.loop();
  assert(turnsAt[1_032] > turnsAt[1_000], "No turn in 32 long callbacks");
  assert(turnsAt[1_099] - turnsAt[1_032] >= 50, "No turn after most of the long callbacks");
  loop[Symbol.dispose]();
});

Deno.test("The host gets its turns while each dispatch settles a promise", async () => {
  const kernel = virtualKernel();
  const loop = new EventLoop({ kernel });
  const future = deferFuture(loop, { status: "fulfilled", value: undefined });
  let settled = 0;
  for (let i = 0; i < 1_000; i++) {
    future.then(() => {
      kernel.advance(100);
      if (++settled === 1_000) loop.exit();
    });
  }
  await loop.loop();
  const { tasks, io } = kernel.turns;
  assert(tasks + io >= 50, `${tasks + io} turns in 100 ms`);
  loop[Symbol.dispose]();
});

Deno.test("The host gets its turns while one iteration is driven after the other", async () => {
  const { kernel, loop } = busyLoop({ usec: 100, most: 1_001 });
  for (let run = 0; run < 1_000; run++) await loop.run();
  const { tasks, io } = kernel.turns;
  assert(tasks + io >= 50 && io >= 5, `${tasks} turns for tasks and ${io} for timers and sockets in 100 ms`);
  loop[Symbol.dispose]();
});

Deno.test("A dispatch that settles a promise lets the code that awaits it run before the next one", async () => {
  const kernel = virtualKernel();
  const loop = new EventLoop({ kernel });
  const order: string[] = [];
  const future = deferFuture(loop, { status: "fulfilled", value: undefined });
  const waiting = future.then(() => void order.push("awaited"));
  loop.addPost(() => void order.push("post"), { priority: 1 });
  loop.addDefer(() => loop.exit(), { priority: 2 });
  await loop.loop();
  await waiting;
  assertEquals(order, ["awaited", "post"]);
  loop[Symbol.dispose]();
});

/** More dispatches than a second has time for. */
const patience = 20_000_000;

/** A hundred sources that are always ready, on the real kernel; `stop` ends it. */
function startBusyLoop(): { loop: EventLoop; done: Promise<number>; stop(): void; dispatches(): number } {
  const loop = new EventLoop();
  let dispatches = 0;
  for (let i = 0; i < 100; i++) {
    loop.addDefer(() => {
      if (++dispatches > patience) loop.exit(1);
    }, { enabled: "on" });
  }
  return { loop, done: loop.loop(), stop: () => loop.exit(), dispatches: () => dispatches };
}

Deno.test("A host timer fires beside a busy loop", async () => {
  const { loop, done, stop, dispatches } = startBusyLoop();
  let fired = 0;
  const timer = setInterval(() => {
    if (++fired === 5) stop();
  }, 10);
  assertEquals(await done, 0, `It fired ${fired} times in ${patience} dispatches`);
  clearInterval(timer);
  assert(dispatches() > 1_000, `The loop came to ${dispatches()} dispatches`);
  loop[Symbol.dispose]();
});

Deno.test("The callback of a promise runs beside a busy loop", async () => {
  const { loop, done, stop, dispatches } = startBusyLoop();
  const before = dispatches();
  Promise.resolve().then(() => Promise.resolve()).then(stop);
  assertEquals(await done, 0);
  assert(dispatches() - before < 1_000_000);
  loop[Symbol.dispose]();
});

/** Sends 64 bytes there and back so many times, through sockets of the host. */
async function goThereAndBack(times: number): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  using server = await listener.accept();
  const buffer = new Uint8Array(64);
  const receive = async (connection: Deno.Conn) => {
    for (let read = 0; read < buffer.length;) {
      const count = await connection.read(buffer.subarray(read));
      assert(count !== null, "The connection has ended");
      read += count;
    }
  };
  for (let time = 0; time < times; time++) {
    await client.write(buffer);
    await receive(server);
    await server.write(buffer);
    await receive(client);
  }
}

Deno.test("Sockets of the host are served beside a busy loop", async () => {
  const { loop, done, stop, dispatches } = startBusyLoop();
  // How many turns of which kind the host gets is counted above, in virtual time: here each has to be worth something.
  const ended = goThereAndBack(200).then(stop);
  assertEquals(await done, 0, `It took more than ${patience} dispatches`);
  await ended;
  assert(dispatches() > 1_000, `The loop came to ${dispatches()} dispatches`);
  loop[Symbol.dispose]();
});
