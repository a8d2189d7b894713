/**
 * The time that a loop goes by (sd-event, section 14).
 *
 * @module
 */

import type { Clock } from "@sd/fibers";
import { assertEquals, assertNotEquals } from "@std/assert";
import { errorOf } from "../_simulation.ts";
import { loopTest } from "./_trial.ts";

loopTest("EventLoop.now() reads the clock before the first wait", ({ loop, kernel }) => {
  const before = loop.now();
  kernel.advance(5);
  assertEquals(loop.now(), before + 5);
  loop.exit();
  loop.prepare();
  kernel.advance(5);
  assertEquals(loop.now(), before + 10);
});

loopTest("EventLoop.now() stands still until the next wait", ({ loop, kernel }) => {
  const clocks: Clock[] = ["monotonic", "realtime", "boottime", "realtime-alarm", "boottime-alarm"];
  loop.runSync(0);
  const first = clocks.map((clock) => loop.now(clock));
  kernel.advance(1_000);
  assertEquals(clocks.map((clock) => loop.now(clock)), first);
  loop.prepare();
  assertEquals(clocks.map((clock) => loop.now(clock)), first);
  loop.waitSync(0);
  assertEquals(clocks.map((clock) => loop.now(clock)), first.map((time) => time + 1_000));
});

loopTest("EventLoop.now() stands still in a callback, and goes on with each iteration", ({ loop, kernel }) => {
  const seen: number[] = [];
  for (let i = 0; i < 2; i++) {
    loop.addDefer(() => {
      seen.push(loop.now());
      kernel.advance(7);
      assertEquals(loop.now(), seen.at(-1));
    }, { enabled: "on" });
  }
  for (let i = 0; i < 6; i++) loop.runSync(0);
  assertEquals(seen.map((time) => time - seen[0]), [0, 7, 14, 21, 28, 35]);
});

loopTest("EventLoop.now() is taken anew by the poll inside of prepare", ({ loop, kernel }) => {
  loop.runSync(0);
  const before = loop.now();
  kernel.advance(3);
  loop.addDefer(() => {});
  loop.prepare();
  assertEquals(loop.now(), before + 3);
});

loopTest("EventLoop.now() is monotonic time by default, and the alarm clocks read as their base clocks", ({ loop, kernel }) => {
  loop.runSync(0);
  assertEquals(loop.now(), loop.now("monotonic"));
  assertEquals(loop.now("realtime-alarm"), loop.now("realtime"));
  assertEquals(loop.now("boottime-alarm"), loop.now("boottime"));
  assertEquals(loop.now("realtime"), kernel.now(0));
  assertNotEquals(loop.now("realtime"), loop.now("monotonic"));
  assertNotEquals(loop.now("boottime"), loop.now("monotonic"));
});

loopTest("EventLoop.now() knows five clocks", ({ loop }) => {
  const { code, message } = errorOf(() => loop.now("process" as Clock));
  const names = "realtime, boottime, monotonic, realtime-alarm, boottime-alarm";
  assertEquals([code, message], ["EOPNOTSUPP", `Cannot use clock 'process': there are ${names}`]);
});

loopTest("EventLoop.addTimeRelative() counts from the loop's present, on alarm clocks too", ({ loop, kernel }) => {
  loop.addDefer(() => {
    for (const clock of ["monotonic", "realtime", "boottime", "realtime-alarm", "boottime-alarm"] as const) {
      const now = loop.now(clock);
      kernel.advance(11);
      const source = loop.addTimeRelative(clock, 100, () => {});
      assertEquals(source.usec, now + 100, clock);
      kernel.advance(11);
      source.setRelative(200);
      assertEquals(source.usec, now + 200, clock);
    }
  });
  loop.runSync(0);
});

loopTest("EventLoop.now() answers what it was in the last wait when the loop has finished", ({ loop, kernel }) => {
  loop.runSync(0);
  const last = loop.now();
  kernel.advance(5);
  loop.exit();
  loop.loopSync();
  assertEquals(loop.now(), last);
});
