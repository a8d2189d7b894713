import { assert, assertEquals } from "@std/assert";
import { listen, msec, type Operation, type Receiver, sec, settled, sleep, spawn, TimeoutError, withTimeout } from "@sd/fibers";
import { type Answer, checkServices, fanOut } from "../../../examples/patterns/fan_out.ts";
import { patternTest, programTest } from "./_pattern.ts";

const log: string[] = [];

/** Takes as many milliseconds as it is asked for; an odd number fails. */
function* ask(ms: number): Operation<string> {
  try {
    yield* sleep(msec(ms));
    if (ms % 2 === 1) throw new Error("odd");
    return "even";
  } finally {
    log.push(`${ms}`);
  }
}

/** So many of the answers, in the order in which they came. */
function collect(count: number) {
  return function* (answers: Receiver<Answer<number, string>>): Operation<string[]> {
    const lines: string[] = [];
    for (let answer; lines.length < count && (answer = yield* answers.next()) !== undefined;) {
      lines.push("error" in answer ? `${answer.item} ${(answer.error as Error).name}` : `${answer.item} ${answer.value}`);
    }
    return lines;
  };
}

patternTest("Fan-out asks so many at a time; answers come as they are ready, failures and deadlines among them", function* ({ elapsed }) {
  const lines = yield* fanOut([6, 3, 90, 2], ask, collect(Infinity), { width: 3, timeoutUsec: msec(20) });
  // The fourth question begins when the first one is answered.
  assertEquals(lines, ["3 Error", "2 even", "6 even", "90 TimeoutError"]);
  assertEquals(Math.floor(elapsed()), 20);
});

patternTest("Fan-out ends when enough was heard: the rest is cancelled", function* () {
  log.length = 0;
  assertEquals(yield* fanOut([2, 50, 4, 60], ask, collect(2), { width: 4, timeoutUsec: sec(1) }), ["2 even", "4 even"]);
  assertEquals(log, ["2", "4", "50", "60"]);
});

patternTest("Fan-out under a deadline from outside ends by that, and asks no more", function* () {
  log.length = 0;
  const asking = spawn(() => withTimeout(msec(5), fanOut([40, 50, 60], ask, collect(Infinity), { width: 2, timeoutUsec: sec(1) })));
  const outcome = yield* settled(asking);
  assert(outcome.status === "rejected" && outcome.reason instanceof TimeoutError);
  assertEquals(log, ["40", "50"]);
});

patternTest("The check of services tells who listens", function* () {
  using listener = listen({ hostname: "127.0.0.1", port: 8000 });
  const lines: string[] = [];
  yield* checkServices(["127.0.0.1:8000", "127.0.0.1:8001"], { width: 1, timeoutUsec: sec(1) }, (line) => lines.push(line));
  assertEquals(lines, ["127.0.0.1:8000 is up", "127.0.0.1:8001 is down: Cannot connect to 127.0.0.1:8001: nobody listens there"]);
  assertEquals(listener.address, { hostname: "127.0.0.1", port: 8000 });
});

programTest("The program of fan-out tells of real services", "fan_out", async (run) => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  assertEquals(await run(`127.0.0.1:${port}`), [`127.0.0.1:${port} is up`]);
});
