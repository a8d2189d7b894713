import { assertEquals } from "@std/assert";
import { all, msec, type Operation, settled, sleep, spawn } from "@sd/fibers";
import { Cache, withFreshCache } from "../../../examples/patterns/cache.ts";
import { patternTest, programTest } from "./_pattern.ts";

/** A cache of two entries that always have the same number, a new one with each load. */
function numbered(failing: readonly number[] = []): Cache<number> {
  let number = 0;
  return new Cache(function* () {
    number++;
    yield* sleep(msec(2));
    if (failing.includes(number)) throw new Error(`load ${number} failed`);
    return [["a", number], ["b", number]] as const;
  });
}

/** Reads one entry, waits, and reads the other one. */
function* slowly(cache: Cache<number>): Operation<(number | undefined)[]> {
  return yield* cache.read(function* (entries) {
    const a = entries.get("a");
    yield* sleep(msec(7));
    return [a, entries.get("b")];
  });
}

patternTest("Readers of the cache see one state, however long they take, and read together", function* ({ elapsed }) {
  const cache = numbered();
  const seen = yield* withFreshCache(cache, msec(3), function* () {
    const seen: (number | undefined)[][] = [];
    for (let round = 0; round < 5; round++) seen.push(...yield* all([() => slowly(cache), () => slowly(cache)]));
    return seen;
  });
  for (const [a, b] of seen) assertEquals(a, b);
  assertEquals(seen.map(([a]) => a), [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
  // Readers and the refresher take turns: 2 for the first load, 5 times 7 for readers.
  assertEquals(Math.floor(elapsed()), 37);
});

patternTest("A refresh that fails is told of and keeps what was there", function* () {
  const cache = numbered([2, 3]);
  const failures: string[] = [];
  const states = yield* withFreshCache(cache, msec(10), function* () {
    const states: (number | undefined)[] = [];
    for (let round = 0; round < 4; round++) {
      yield* sleep(msec(12));
      states.push((yield* slowly(cache))[0]);
    }
    return states;
  }, (error) => failures.push((error as Error).message));
  assertEquals(failures, ["load 2 failed", "load 3 failed"]);
  assertEquals(states, [1, 1, 4, 5]);
});

patternTest("A cache that cannot be filled at first fails whoever wants it", function* () {
  const outcome = yield* settled(spawn(() => withFreshCache(numbered([1]), msec(10), () => sleep(msec(1)))));
  assertEquals(outcome.status === "rejected" && (outcome.reason as Error).message, "load 1 failed");
});

programTest("The program of the cache tells the machine's load", "cache", async (run) => {
  const lines = await run();
  assertEquals(lines.length, 30);
  for (const line of lines) assertEquals(/^\d+ (1 minute|5 minutes|15 minutes): \d+\.\d+$/.test(line), true, line);
});
