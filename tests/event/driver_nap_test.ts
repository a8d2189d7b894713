/**
 * How a driver waits for what will not be long in coming.
 *
 * @module
 */

import { EventLoop, IoEvent, promiseFuture } from "@sd/fibers";
import { assert, assertEquals } from "@std/assert";
import { virtualKernel } from "../_virtual_kernel.ts";

/** A loop whose poller can nap, or not, and how it waited: by naps of so many microseconds, by polls that do not wait, and by parks. */
function watchedLoop({ canNap = true } = {}) {
  const kernel = virtualKernel();
  const openPoller = kernel.openPoller.bind(kernel);
  const polls: number[] = [];
  let parks = 0;
  kernel.openPoller = () => {
    const poller = openPoller();
    assert(typeof poller === "object");
    const { poll, park } = poller;
    return Object.defineProperties(poller, {
      canNap: { value: canNap },
      poll: {
        value: (timeout: number) => {
          polls.push(timeout);
          return poll.call(poller, timeout);
        },
      },
      park: {
        value: () => {
          parks++;
          park.call(poller);
        },
      },
    });
  };
  const loop = new EventLoop({ kernel });
  const count = () => ({ naps: polls.filter((timeout) => timeout > 0), polls: polls.filter((timeout) => timeout === 0).length, parks });
  return { kernel, loop, count };
}

/** Its naps, and how often it parked. */
function shapeOf({ count }: ReturnType<typeof watchedLoop>): [naps: number[], parks: number] {
  const { naps, parks } = count();
  return [naps, parks];
}

/** One stretch of work of so many microseconds; `waited` later a byte comes, and ends the loop. */
async function workThenWait({ kernel, loop }: ReturnType<typeof watchedLoop>, worked: number, waited: number): Promise<void> {
  const { reader, writer } = kernel.pipe();
  loop.addIo(reader, IoEvent.IN, () => loop.exit());
  loop.addDefer(() => {
    kernel.advance(worked);
    kernel.after(waited, () => void kernel.tryWrite(writer, new Uint8Array(1)));
  });
  await loop.loop();
  loop[Symbol.dispose]();
}

Deno.test("After a stretch of work a driver naps, for as long as that took at the most", async () => {
  const watched = watchedLoop();
  await workThenWait(watched, 200, 150);
  assertEquals(shapeOf(watched), [[200], 0]);
});

Deno.test("A driver parks when nothing has come during its nap", async () => {
  const watched = watchedLoop();
  await workThenWait(watched, 200, 250);
  assertEquals(shapeOf(watched), [[200], 1]);
});

Deno.test("A driver naps no longer than until the next turn of the host's", async () => {
  const watched = watchedLoop();
  // It has a turn after this, and the next one a millisecond later.
  watched.loop.addDefer(() => watched.kernel.advance(8_000));
  await workThenWait(watched, 900, 50);
  assertEquals(shapeOf(watched), [[100], 0]);
});

Deno.test("A driver naps as long as it would poll, at least", async () => {
  const watched = watchedLoop();
  await workThenWait(watched, 30, 40);
  assertEquals(shapeOf(watched), [[50], 0]);
});

Deno.test("A driver does not nap after little work, but polls", async () => {
  const watched = watchedLoop();
  await workThenWait(watched, 10, 10);
  const { naps, polls } = watched.count();
  assertEquals(naps, []);
  assert(polls > 100, `${polls} polls`);
});

Deno.test("A driver does not nap where a poll that waits would miss something", async () => {
  const watched = watchedLoop({ canNap: false });
  await workThenWait(watched, 200, 150);
  assertEquals(shapeOf(watched), [[], 1]);
});

Deno.test("A driver does not nap while the loop waits for a promise of the host's", async () => {
  const watched = watchedLoop();
  const { kernel, loop } = watched;
  const { promise, resolve } = Promise.withResolvers<void>();
  promiseFuture(loop, promise).then(() => loop.exit());
  loop.addDefer(() => {
    kernel.advance(200);
    setTimeout(resolve, 0);
  });
  await loop.loop();
  const { naps, parks } = watched.count();
  assertEquals(naps, []);
  assert(parks > 0);
  loop[Symbol.dispose]();
});

Deno.test("A driver that has kept the host's sockets waiting parks instead of taking a nap", async () => {
  const watched = watchedLoop();
  const { kernel, loop } = watched;
  let dispatches = 0;
  const busy = loop.addDefer(() => {
    kernel.advance(500);
    if (++dispatches < 9) return;
    busy.enabled = "off";
    loop.addTime("monotonic", loop.now() + 200, () => loop.exit(), { accuracy: 1 });
  }, { enabled: "on" });
  await loop.loop();
  assertEquals(shapeOf(watched), [[], 1]);
  loop[Symbol.dispose]();
});
