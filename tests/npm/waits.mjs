/**
 * Each kind of source and of wait, and cancelling it, with the package as npm gets it, on Node or on Bun: run as `smoke.mjs` is.
 */

import assert from "node:assert/strict";
import { spawn as spawnChild } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";

const dist = new URL("../../npm/dist/", import.meta.url);
const { exports } = JSON.parse(readFileSync(new URL("package.json", dist), "utf8"));
const mainEntry = new URL(exports["."].default, dist).href;
// By a name that no checker follows: it is there only after `deno task npm`.
const {
  all,
  Barrier,
  Broadcast,
  CancelledError,
  cancelWait,
  Channel,
  Condition,
  connect,
  connectTls,
  EventLoop,
  listen,
  listenTls,
  msec,
  Mutex,
  openDatagram,
  readTextFile,
  run,
  RwLock,
  scope,
  select,
  Semaphore,
  settled,
  sleep,
  spawn,
  spawnProcess,
  TimeoutError,
  until,
  WatchEvent,
  withTimeout,
  writeFile,
  yieldNow,
} = await import(mainEntry);
const text = (bytes) => new TextDecoder().decode(bytes);
const bytes = (text) => new TextEncoder().encode(text);
const anyPort = { hostname: "127.0.0.1", port: 0 };
const pem = /-----BEGIN [^]+?-----END [A-Z ]+-----/g;
const [authority, cert, key] = readFileSync(new URL("../_certificates.ts", import.meta.url), "utf8").match(pem);
const trusting = { caCerts: [authority], serverName: "localhost" };

process.on("unhandledRejection", (reason) => {
  throw reason;
});

/** Lets a fiber get as far as it can, then cancels it: how it ended. */
function* interrupted(body) {
  const fiber = spawn(body);
  yield* sleep(msec(2));
  assert.equal(fiber.status, "suspended");
  yield* cancelWait(fiber);
  const outcome = yield* settled(fiber);
  return outcome.status === "rejected" && outcome.reason instanceof CancelledError;
}

/** A folder for one test. */
function folder() {
  const path = mkdtempSync(join(tmpdir(), "sd-fibers-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

test("there are timers of each clock that goes on by itself, none that wakes the machine, and one that is off does not come", async () => {
  const loop = new EventLoop();
  const order = [];
  const begin = ([clock, ...others]) => {
    if (clock === undefined) return loop.exit(1);
    loop.addTimeRelative(clock, 2_000, () => {
      order.push(clock);
      begin(others);
    }, { accuracy: 1 });
  };
  begin(["monotonic", "realtime", "boottime"]);
  loop.addTimeRelative("monotonic", 1_000, () => void order.push("never"), { enabled: "off" });
  assert.throws(() => loop.addTimeRelative("realtime-alarm", 1), { code: "EOPNOTSUPP" });
  assert.equal(await loop.loop(), 1);
  assert.deepEqual(order, ["monotonic", "realtime", "boottime"]);
  loop[Symbol.dispose]();
});

test("deferred, posted and last work is done in its order", async () => {
  const loop = new EventLoop();
  const order = [];
  loop.addPost(() => {
    order.push("posted");
    loop.exit(3);
  });
  loop.addDefer(() => void order.push("deferred"));
  loop.addExit(() => void order.push("last"));
  assert.equal(await loop.loop(), 3);
  assert.deepEqual(order, ["deferred", "posted", "last"]);
  loop[Symbol.dispose]();
});

test("primitives hand over, first come, first served", async () => {
  const log = await run(function* () {
    const log = [];
    const mutex = new Mutex();
    const tasks = [1, 2, 3].map((number) =>
      function* () {
        const lock = yield* mutex.lock();
        yield* yieldNow();
        log.push(number);
        lock[Symbol.dispose]();
      }
    );
    yield* all(tasks);
    const semaphore = new Semaphore(1);
    const permit = yield* semaphore.acquire();
    log.push(yield* interrupted(() => semaphore.acquire()));
    permit[Symbol.dispose]();
    const lock = yield* new RwLock().read();
    lock[Symbol.dispose]();
    const barrier = new Barrier(2);
    yield* all([() => barrier.wait(), () => barrier.wait()]);
    const condition = new Condition(mutex);
    log.push(
      yield* interrupted(function* () {
        const held = yield* mutex.lock();
        try {
          yield* condition.wait(held);
        } finally {
          held[Symbol.dispose]();
        }
      }),
    );
    const news = new Broadcast({ capacity: 2 });
    const subscription = news.subscribe();
    news.publish("news");
    log.push(yield* subscription.pop());
    subscription[Symbol.dispose]();
    const jobs = new Channel({ capacity: 1 });
    log.push((yield* select({ job: jobs, idle: msec(1) })).key);
    return log;
  });
  assert.deepEqual(log, [1, 2, 3, true, true, "news", "idle"]);
});

test("a scope ends its children, and their clean-up may wait", async () => {
  const log = [];
  await run(function* () {
    yield* scope(function* (children) {
      children.defer(function* () {
        yield* sleep(msec(1));
        log.push("cleaned");
      });
      const child = children.spawn(() => sleep(1e12));
      yield* yieldNow();
      child.cancel();
    });
    log.push("left");
  });
  assert.deepEqual(log, ["cleaned", "left"]);
});

test("reads, accepts, connections, handshakes, names and processes can be waited for in vain, and leave nothing", async () => {
  const ended = await run(function* () {
    const listener = listen(anyPort);
    const secure = listenTls(anyPort, { cert, key });
    const [client, server] = yield* all([connect(listener.address), listener.accept()]);
    const ended = [
      yield* interrupted(() => client.read(new Uint8Array(10))),
      yield* interrupted(() => listener.accept()),
      yield* interrupted(() => secure.accept()),
      yield* interrupted(() => connectTls(listener.address, trusting)),
      yield* interrupted(() => until(new Promise(() => {}))),
    ];
    for (const connecting of [() => connect({ hostname: "localhost", port: 1 }), () => connect({ hostname: "192.0.2.1", port: 9 })]) {
      const fiber = spawn(connecting);
      yield* yieldNow();
      yield* cancelWait(fiber);
      ended.push((yield* settled(fiber)).status === "rejected");
    }
    const endless = spawnProcess("sleep", { args: ["1000"] });
    yield* cancelWait(endless.status);
    ended.push(endless.status.info().code === "killed");
    // What was interrupted has taken nothing.
    yield* server.writeAll(bytes("still here"));
    const buffer = new Uint8Array(20);
    ended.push(text(buffer.subarray(0, yield* client.read(buffer))) === "still here");
    for (const each of [client, server, listener, secure]) each.close();
    return ended;
  });
  assert.deepEqual(ended, Array(9).fill(true));
});

test("connections talk over a socket file, which goes with its listener", async () => {
  const place = folder();
  const path = join(place.path, "socket");
  await run(function* () {
    const listener = listen({ path });
    const [client, server] = yield* all([connect({ path }), listener.accept()]);
    yield* client.writeAll(bytes("ping"));
    client.close();
    assert.equal(text(yield* server.readAll()), "ping");
    server.close();
    listener.close();
    let code;
    try {
      yield* connect({ path });
    } catch (error) {
      code = error.code;
    }
    assert.equal(code, "ENOENT");
  });
  place[Symbol.dispose]();
});

test("a writer waits for a reader, and a thousand connections are served", async () => {
  await run(function* () {
    const listener = listen(anyPort);
    const [client, server] = yield* all([connect(listener.address), listener.accept()]);
    let sent = false;
    const writing = spawn(function* () {
      yield* client.writeAll(new Uint8Array(8_000_000).fill(7));
      client.closeWrite();
      sent = true;
    });
    yield* sleep(msec(20));
    assert.equal(sent, false);
    assert.equal((yield* server.readAll()).length, 8_000_000);
    yield* writing;
    const serving = spawn(function* () {
      for (let count = 0; count < 1_000; count++) {
        const connection = yield* listener.accept();
        yield* connection.writeAll(yield* connection.readAll());
        connection.close();
      }
    });
    for (let batch = 0; batch < 20; batch++) {
      yield* all(Array.from({ length: 50 }, (_, number) =>
        function* () {
          const connection = yield* connect(listener.address);
          yield* connection.writeAll(bytes(`${number}`));
          connection.closeWrite();
          assert.equal(text(yield* connection.readAll()), `${number}`);
          connection.close();
        }));
    }
    yield* serving;
    for (const each of [client, server, listener]) each.close();
  });
});

test("datagrams are sent, answered and waited for in vain", async () => {
  await run(function* () {
    const server = openDatagram(anyPort);
    const client = openDatagram(anyPort);
    const buffer = new Uint8Array(100);
    assert.equal(yield* interrupted(() => server.receive(buffer)), true);
    yield* client.send(bytes("question"), server.address);
    const { bytes: size, address } = yield* server.receive(buffer);
    assert.equal(text(buffer.subarray(0, size)), "question");
    yield* server.send(bytes("answer"), address);
    assert.equal((yield* client.receive(buffer)).bytes, 6);
    server.close();
    client.close();
  });
});

test("files are read and written whole, and replaced as a whole", async () => {
  const place = folder();
  const path = join(place.path, "state");
  await run(function* () {
    yield* writeFile(path, "one");
    yield* writeFile(path, " two", { method: "append" });
    assert.equal(yield* readTextFile(path), "one two");
    yield* writeFile(path, "three", { method: "replace", mode: 0o600 });
    assert.equal(yield* readTextFile(path), "three");
    let code;
    try {
      yield* readTextFile(join(place.path, "nothing"));
    } catch (error) {
      code = error.code;
    }
    assert.equal(code, "ENOENT");
  });
  place[Symbol.dispose]();
});

test("a watched file tells of its changes and its end", async () => {
  const place = folder();
  const path = join(place.path, "file");
  writeFileSync(path, "old");
  const loop = new EventLoop();
  let changes = 0;
  loop.addInotify(path, WatchEvent.MODIFY | WatchEvent.DELETE_SELF, ({ mask }) => {
    if (mask & WatchEvent.MODIFY && ++changes === 1) unlinkSync(path);
    if (mask & WatchEvent.DELETE_SELF) loop.exit(changes > 0 ? 1 : 2);
  });
  setTimeout(() => writeFileSync(path, "something longer"), 20);
  loop.addTimeRelative("monotonic", 10_000_000, () => loop.exit(3));
  assert.equal(await loop.loop(), 1);
  loop[Symbol.dispose]();
  place[Symbol.dispose]();
});

test("a deadline ends a wait, and what was late is dropped", async () => {
  const late = await run(function* () {
    try {
      return yield* withTimeout(msec(2), () => until(new Promise((resolve) => setTimeout(resolve, 20))));
    } catch (error) {
      return error instanceof TimeoutError && "late";
    }
  });
  assert.equal(late, "late");
  await new Promise((resolve) => setTimeout(resolve, 25));
});

test("SIGTERM cancels the main fiber of a program, whose clean-up may wait", async () => {
  const source = `import * as sd from ${JSON.stringify(mainEntry)};
    process.exitCode = await sd.main(function* () {
      try {
        console.log("ready");
        yield* sd.sleep(sd.sec(1000));
      } finally {
        yield* sd.shield(() => sd.sleep(sd.msec(5)), { grace: sd.sec(1) });
        console.log("cleaned");
      }
    });`;
  const args = process.versions.bun ? ["-e", source] : ["--input-type=module", "-e", source];
  const child = spawnChild(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  let printed = "";
  child.stdout.on("data", (chunk) => {
    printed += chunk;
    if (printed === "ready\n") child.kill("SIGTERM");
  });
  const code = await new Promise((resolve) => child.on("close", resolve));
  assert.deepEqual([printed, code], ["ready\ncleaned\n", 0]);
});
