import { assert, assertEquals } from "@std/assert";
import { ClockIndex } from "../../../event/time.ts";
import { HostClocks } from "../../../event/kernel/portable/clocks.ts";
import { FakeHost } from "./fake_host.ts";

const { monotonic, realtime, boottime } = ClockIndex;

Deno.test("The monotonic clock has the host's microseconds, rounded down, and boottime reads alike", () => {
  const host = new FakeHost();
  const clocks = new HostClocks(host);
  host.monotonic = 1_234.5678;
  assertEquals([clocks.monotonic, clocks.now(monotonic), clocks.now(boottime)], [1_234_567, 1_234_567, 1_234_567]);
});

Deno.test("The realtime clock goes on within a millisecond of the host's", () => {
  const host = new FakeHost();
  const clocks = new HostClocks(host);
  const first = clocks.now(realtime);
  host.monotonic += 0.3;
  assertEquals(clocks.now(realtime), first + 300);
  host.monotonic += 0.5;
  assertEquals(clocks.now(realtime), first + 800);
});

Deno.test("The realtime clock never leaves the millisecond that the host tells", () => {
  const host = new FakeHost();
  const clocks = new HostClocks(host);
  const told = host.realtime * 1_000;
  assertEquals(clocks.now(realtime), told);
  host.monotonic += 40; // the host's clock is held back
  assertEquals(clocks.now(realtime), told + 999);
  host.realtime += 70; // and runs ahead
  assertEquals(clocks.now(realtime), told + 70_000);
});

Deno.test("The realtime clock follows when the host's is set, in both directions", () => {
  const host = new FakeHost();
  const clocks = new HostClocks(host);
  clocks.now(realtime);
  for (const step of [3_600_000, -7_200_000]) {
    host.realtime += step;
    const now = clocks.now(realtime);
    assert(now >= host.realtime * 1_000 && now < (host.realtime + 1) * 1_000);
    assertEquals(clocks.toMonotonic(realtime, now + 5), clocks.monotonic + 5);
  }
});
