import { assert, assertEquals } from "@std/assert";
import { CancelledError, cancelWait, msec, settled, sleep, spawn } from "@sd/fibers";
import { countBytes, workPool } from "../../../examples/patterns/work_pool.ts";
import { patternTest, programTest } from "./_pattern.ts";

patternTest("The work pool has so many jobs under way at most, and answers in their order", function* ({ elapsed }) {
  let running = 0;
  let most = 0;
  const results = yield* workPool([5, 1, 4, 2, 3], function* (ms) {
    most = Math.max(most, ++running);
    yield* sleep(msec(ms));
    running--;
    return `${ms}`;
  }, 2);
  // One worker does 5 and 3, the other one 1, 4 and 2.
  assertEquals([results, most, Math.floor(elapsed())], [["5", "1", "4", "2", "3"], 2, 8]);
});

patternTest("The first job of the work pool that fails cancels the rest, and no other is begun", function* () {
  const begun: number[] = [];
  const log: string[] = [];
  const pool = spawn(() =>
    workPool([1, 2, 3, 4, 5, 6, 7], function* (job) {
      begun.push(job);
      try {
        yield* sleep(msec(job));
        if (job === 2) throw new Error("2 failed");
      } finally {
        log.push(`${job} ended`);
      }
    }, 3)
  );
  const outcome = yield* settled(pool);
  assert(outcome.status === "rejected");
  assertEquals((outcome.reason as Error).message, "2 failed");
  assertEquals([begun, log.sort()], [[1, 2, 3, 4], ["1 ended", "2 ended", "3 ended", "4 ended"]]);
});

patternTest("The work pool that is cancelled takes no more of a source without an end", function* () {
  let taken = 0;
  function* numbers() {
    while (true) yield taken++;
  }
  const pool = spawn(() => workPool(numbers(), () => sleep(msec(1)), 2));
  yield* sleep(msec(10));
  yield* cancelWait(pool);
  const outcome = yield* settled(pool);
  assert(outcome.status === "rejected" && outcome.reason instanceof CancelledError);
  const before = taken;
  assert(before >= 20 && before < 30, `${before}`);
  yield* sleep(msec(10));
  assertEquals(taken, before);
});

patternTest("The work pool reads files", function* ({ kernel }) {
  kernel.files.write("/one", "1");
  kernel.files.write("/three", "333");
  assertEquals(yield* countBytes(["/three", "/one", "/three"], 2), [3, 1, 3]);
});

programTest("The program of the work pool counts the bytes of files", "work_pool", async (run) => {
  const path = new URL(import.meta.url).pathname;
  assertEquals(await run(path, "/dev/null"), [`${Deno.statSync(path).size} ${path}`, "0 /dev/null"]);
});
