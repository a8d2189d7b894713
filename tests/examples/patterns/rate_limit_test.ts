import { assertEquals } from "@std/assert";
import { cancelWait, msec, sleep, spawn } from "@sd/fibers";
import { sayAll, TokenBucket } from "../../../examples/patterns/rate_limit.ts";
import { patternTest, programTest } from "./_pattern.ts";

const options = { burst: 3, intervalUsec: msec(100) };

patternTest("The token bucket lets a burst through, then one each interval", function* ({ loop, elapsed }) {
  using bucket = new TokenBucket(loop, options);
  const times: number[] = [];
  yield* sayAll(["1", "2", "3", "4", "5", "6"], bucket, () => times.push(elapsed()));
  assertEquals(times, [0, 0, 0, 100, 200, 300]);
});

patternTest("The token bucket fills again, not beyond its burst, and is at rest then", function* ({ loop, kernel, elapsed }) {
  using bucket = new TokenBucket(loop, options);
  const wakeUps = () => kernel.leaks().filter((leak) => leak.startsWith("wake-up")).length;
  yield* bucket.take(3);
  yield* sleep(msec(150));
  assertEquals(bucket.available, 1);
  yield* sleep(msec(850));
  assertEquals([bucket.available, bucket.tryTake(3), bucket.tryTake()], [3, true, false]);
  yield* bucket.take(2);
  assertEquals([elapsed(), bucket.available], [1_200, 0]);
  yield* sleep(msec(301));
  assertEquals([bucket.available, wakeUps()], [3, 0]);
});

patternTest("Who waits for tokens is served in order, and who is cancelled has taken none", function* ({ loop, elapsed }) {
  using bucket = new TokenBucket(loop, { burst: 2, intervalUsec: msec(10) });
  yield* bucket.take(2);
  const log: string[] = [];
  const taker = (name: string, count: number) =>
    spawn(function* () {
      yield* bucket.take(count);
      log.push(`${name} at ${elapsed()}`);
    });
  const big = taker("big", 2);
  const doomed = taker("doomed", 2);
  const small = taker("small", 1);
  yield* sleep(msec(5));
  yield* cancelWait(doomed);
  yield* big;
  yield* small;
  assertEquals(log, ["big at 20", "small at 30"]);
});

programTest("The program of the token bucket says all its lines", "rate_limit", async (run) => {
  assertEquals(await run(), Array.from({ length: 10 }, (_, number) => `line ${number + 1}`));
});
