import { assert, assertEquals } from "@std/assert";
import { all, cancelWait, listen, msec, type Operation, run, scope, settled, sleep, spawn, SystemError } from "@sd/fibers";
import { ask, ConnectionPool } from "../../../examples/patterns/connection_pool.ts";
import { serveEcho } from "../../../examples/patterns/echo_server.ts";
import { openDescriptors } from "../../kernel/linux/descriptors.ts";
import { patternTest, programTest } from "./_pattern.ts";

/** Runs the body with a pool of two connections to a server; what the body has not closed is closed then. */
function* withPool(body: (pool: ConnectionPool) => Operation<unknown>): Operation<void> {
  using listener = listen({ hostname: "127.0.0.1", port: 0 });
  yield* scope(function* (children) {
    children.spawn(() => serveEcho(listener));
    const pool = new ConnectionPool(listener.address, 2);
    if ((yield* body(pool)) !== "closed") yield* pool.close();
    children.cancelChildren();
  });
}

function talk(pool: ConnectionPool, line: string): Operation<string> {
  return pool.use((connection) => ask(connection, line));
}

patternTest("The connection pool opens no more than it may, and serves in order", () =>
  withPool(function* (pool) {
    const order: number[] = [];
    const answers = yield* all(Array.from({ length: 9 }, (_, n) =>
      function* () {
        const answer = yield* talk(pool, `${n}`);
        order.push(n);
        return answer;
      }));
    assertEquals(answers, ["0", "1", "2", "3", "4", "5", "6", "7", "8"]);
    assertEquals([pool.opened, order], [2, [0, 1, 2, 3, 4, 5, 6, 7, 8]]);
  }));

patternTest("A connection on which a request failed or was cancelled is not used again", () =>
  withPool(function* (pool) {
    const failing = spawn(() =>
      pool.use(function* (connection) {
        yield* connection.writeAll(new TextEncoder().encode("half a question"));
        throw new Error("on purpose");
      })
    );
    const outcome = yield* settled(failing);
    assertEquals(outcome.status === "rejected" && (outcome.reason as Error).message, "on purpose");
    const waiting = spawn(() => pool.use((connection) => connection.readAll()));
    yield* sleep(msec(1));
    yield* cancelWait(waiting);
    assertEquals([yield* talk(pool, "hello"), pool.opened], ["hello", 3]);
  }));

patternTest("A connection whose other end has hung up is replaced", () =>
  withPool(function* (pool) {
    assertEquals([yield* talk(pool, "one"), pool.opened], ["one", 1]);
    // The server ends the connection after this, when the pool has it back already.
    yield* pool.use((connection) => connection.writeAll(new TextEncoder().encode("bye\n")));
    yield* sleep(msec(1));
    assertEquals([yield* talk(pool, "two"), pool.opened], ["two", 2]);
  }));

patternTest("The pool is closed when those who use it are done; whoever comes later gets EPIPE", () =>
  withPool(function* (pool) {
    const log: string[] = [];
    const user = (name: string) =>
      spawn(() =>
        pool.use(function* (connection) {
          yield* sleep(msec(5));
          log.push(yield* ask(connection, name));
        })
      );
    const users = [user("a"), user("b"), user("c")];
    yield* sleep(1);
    const late = spawn(function* () {
      yield* sleep(msec(1));
      yield* talk(pool, "late");
    });
    yield* pool.close();
    log.push("closed");
    yield* all(users);
    const outcome = yield* settled(late);
    assert(outcome.status === "rejected" && outcome.reason instanceof SystemError);
    assertEquals([outcome.reason.code, log], ["EPIPE", ["a", "b", "c", "closed"]]);
    return "closed";
  }));

Deno.test("The connection pool leaves no descriptor open on a real system", async () => {
  const talkMuch = () =>
    run(() =>
      withPool(function* (pool) {
        yield* all(Array.from({ length: 20 }, (_, n) => () => talk(pool, `${n}`)));
        assertEquals(pool.opened, 2);
      })
    );
  await talkMuch(); // The loop opens what it needs for itself.
  const before = openDescriptors();
  await talkMuch();
  assertEquals(openDescriptors(), before);
});

programTest("The program of the connection pool answers twenty requests over three connections", "connection_pool", async (run) => {
  assertEquals(await run(), ["20 answers over 3 connections"]);
});
