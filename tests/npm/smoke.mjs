/**
 * The package as npm gets it, on Node or on Bun: `deno task npm` makes it, `node --test` or `bun test` with its path runs this.
 */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { promisify } from "node:util";

const dist = new URL("../../npm/dist/", import.meta.url);
const { exports } = JSON.parse(readFileSync(new URL("package.json", dist), "utf8"));
const mainEntry = new URL(exports["."].default, dist).href;
// By a name that no checker follows: it is there only after `deno task npm`.
const {
  all,
  Channel,
  ChildEvent,
  connect,
  connectTls,
  EventLoop,
  IoEvent,
  linuxKernel,
  listen,
  listenTls,
  msec,
  output,
  run,
  sec,
  simulatedKernel,
  sleep,
  spawnProcess,
  SystemError,
  TimeoutError,
  until,
  WatchEvent,
  withTimeout,
} = await import(mainEntry);
const text = (bytes) => new TextDecoder().decode(bytes);
const bytes = (text) => new TextEncoder().encode(text);

/** What a program that imports the package prints, when it has ended by itself. */
async function programOutput(code) {
  const source = `import * as sd from ${JSON.stringify(mainEntry)}; ${code}`;
  const args = process.versions.bun ? ["-e", source] : ["--input-type=module", "-e", source];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 30_000 });
  return stdout.trim();
}

test("each entry of the package can be imported, and has its types", async () => {
  assert.deepEqual(Object.keys(exports), [".", "./event", "./future", "./fiber", "./io"]);
  const everything = await import(mainEntry);
  for (const entry of Object.values(exports)) {
    const part = Object.entries(await import(new URL(entry.default, dist).href));
    assert.ok(part.length > 0);
    for (const [name, value] of part) assert.equal(value, everything[name]);
    assert.doesNotMatch(readFileSync(new URL(entry.types, dist), "utf8"), /from ".*\.ts"/);
  }
});

test("what the package exports calls itself by the name that it is exported by", async () => {
  const functions = Object.entries(await import(mainEntry)).filter(([, value]) => typeof value === "function");
  assert.ok(functions.length > 50);
  for (const [name, value] of functions) assert.equal(value.name, name);
});

test("a loop stands on the portable kernel, and the Linux one says what it needs", () => {
  const loop = new EventLoop();
  assert.equal(loop.kernel.name, "portable");
  loop[Symbol.dispose]();
  assert.throws(() => linuxKernel(), (error) => error instanceof SystemError && error.code === "EOPNOTSUPP" && /Deno/.test(error.message));
});

test("a loop dispatches by priority and time", async () => {
  const loop = new EventLoop();
  const order = [];
  const [reader, writer] = loop.kernel.openPipe();
  loop.addDefer(() => void order.push("later"), { priority: -5 });
  loop.addDefer(() => void order.push("sooner"), { priority: -10 });
  loop.addIo(reader, IoEvent.IN, () => {
    order.push(`read ${loop.kernel.tryRead(reader, new Uint8Array(10))}`);
    loop.exit(5);
  });
  loop.addTimeRelative("monotonic", 5_000, () => void order.push(`wrote ${loop.kernel.tryWrite(writer, bytes("abc"))}`), { accuracy: 1 });
  assert.equal(await loop.loop(), 5);
  assert.deepEqual(order, ["sooner", "later", "wrote 3", "read 3"]);
  loop[Symbol.dispose]();
});

test("fibers sleep, hand over, wait for promises and time out", async () => {
  const result = await run(function* () {
    const channel = new Channel({ capacity: 1 });
    const [, sum] = yield* all([
      (function* () {
        for (const item of [1, 2, 3]) {
          yield* sleep(msec(1));
          yield* channel.send(item);
        }
        channel.close();
      })(),
      (function* () {
        let sum = 0;
        for (let i = 0; i < 3; i++) sum += yield* channel.receive();
        return sum;
      })(),
    ]);
    let timedOut = false;
    try {
      yield* withTimeout(msec(2), () => until(new Promise(() => {})));
    } catch (error) {
      timedOut = error instanceof TimeoutError;
    }
    return [sum, timedOut, yield* until(Promise.resolve("host"))];
  });
  assert.deepEqual(result, [6, true, "host"]);
});

test("connections talk over TCP", async () => {
  const answer = await run(function* () {
    const listener = listen({ hostname: "127.0.0.1", port: 0 });
    const [client, server] = yield* all([connect(listener.address), listener.accept()]);
    yield* client.writeAll(bytes("ping"));
    client.closeWrite();
    yield* server.writeAll(bytes(`${text(yield* server.readAll())} pong`));
    server.close();
    const answer = text(yield* client.readAll());
    for (const each of [client, listener]) each[Symbol.dispose]();
    return answer;
  });
  assert.equal(answer, "ping pong");
});

test("connections talk over TLS", async () => {
  const pem = /-----BEGIN [^]+?-----END [A-Z ]+-----/g;
  const [authority, cert, key] = readFileSync(new URL("../_certificates.ts", import.meta.url), "utf8").match(pem);
  const answer = await run(function* () {
    const listener = listenTls({ hostname: "127.0.0.1", port: 0 }, { cert, key, alpnProtocols: ["one"] });
    const { port } = listener.address;
    const options = { caCerts: [authority], alpnProtocols: ["two", "one"] };
    const [client, server] = yield* all([connectTls({ hostname: "localhost", port }, options), listener.accept()]);
    assert.deepEqual([client.alpnProtocol, server.alpnProtocol], ["one", "one"]);
    const large = new Uint8Array(1_000_000).fill(7);
    const [, received] = yield* all([
      (function* () {
        yield* client.writeAll(large);
        client.closeWrite();
      })(),
      server.readAll(),
    ]);
    assert.deepEqual(received, large);
    yield* server.writeAll(bytes("pong"));
    server.close();
    const answer = text(yield* client.readAll());
    client.close();
    let code;
    try {
      yield* connectTls({ hostname: "localhost", port });
    } catch (error) {
      code = error.code;
    }
    listener.close();
    return [answer, code];
  });
  assert.deepEqual(answer, ["pong", "EKEYREJECTED"]);
});

test("processes are started, talked to, waited for and killed", async () => {
  await run(function* () {
    const copy = spawnProcess("cat", { stdin: "piped", stdout: "piped" });
    const large = new Uint8Array(300_000).fill(7);
    const [, echoed] = yield* all([
      (function* () {
        yield* copy.stdin.writeAll(large);
        copy.stdin.close();
      })(),
      copy.stdout.readAll(),
    ]);
    assert.deepEqual(echoed, large);
    assert.equal((yield* copy.status).status, 0);

    const { stdout, status } = yield* output("sh", { args: ["-c", "echo $GREETING; exit 3"], env: { GREETING: "hello" } });
    assert.deepEqual([text(stdout), status], ["hello\n", 3]);

    const endless = spawnProcess("sleep", { args: ["1000"] });
    endless.kill("SIGTERM");
    const { code, status: signal } = yield* endless.status;
    assert.deepEqual([code, signal], ["killed", 15]);
  });
});

test("a process that cannot be started says why, at once", async () => {
  await run(function* () {
    yield* sleep(1);
    const codeOf = (start) => {
      try {
        start();
      } catch (error) {
        return error.code;
      }
    };
    assert.equal(codeOf(() => spawnProcess("/no/such/program")), "ENOENT");
    assert.equal(codeOf(() => spawnProcess("surely-no-such-program")), "ENOENT");
    assert.equal(codeOf(() => spawnProcess("true", { cwd: "/no/such/folder" })), "ENOENT");
    assert.equal(codeOf(() => spawnProcess("/etc/passwd")), "EACCES");
    assert.equal(codeOf(() => spawnProcess("cat", { stdin: { fd: 987_654 } })), "EBADF");
  });
});

test("signals become sources, and do again what they did afterwards", async () => {
  const loop = new EventLoop();
  loop.addSignal("SIGUSR2", (info) => loop.exit(info.signal));
  setTimeout(() => process.kill(process.pid, "SIGUSR2"), 5);
  assert.equal(await loop.loop(), 12);
  loop[Symbol.dispose]();
  assert.equal(process.listenerCount("SIGUSR2"), 0);
});

test("a loop blocks the thread for time, and for nothing that the host brings", () => {
  const loop = new EventLoop();
  const signals = loop.addSignal("SIGUSR2", () => {});
  assert.throws(() => loop.runSync(sec(1)), { code: "EOPNOTSUPP" });
  signals[Symbol.dispose]();
  loop.addTimeRelative("monotonic", 2_000, () => loop.exit(1), { accuracy: 1 });
  assert.equal(loop.loopSync(), 1);
  loop[Symbol.dispose]();
});

test("a watched directory tells what comes into it", async () => {
  const directory = mkdtempSync(join(tmpdir(), "sd-fibers-"));
  const loop = new EventLoop();
  loop.addInotify(directory, WatchEvent.CREATE, (event) => loop.exit(event.name === "new" ? 1 : 2));
  setTimeout(() => writeFileSync(join(directory, "new"), ""), 5);
  assert.equal(await loop.loop(), 1);
  loop[Symbol.dispose]();
  rmSync(directory, { recursive: true });
});

test("the simulated kernel is the same everywhere", () => {
  const kernel = simulatedKernel({ seed: 1 });
  const loop = new EventLoop({ kernel });
  loop.addTimeRelative("monotonic", sec(3_600), () => loop.exit(2));
  assert.equal(loop.loopSync(), 2);
  loop[Symbol.dispose]();
  assert.deepEqual(kernel.leaks(), []);
});

test("stopping and continuing of children is refused: nobody would tell", () => {
  const loop = new EventLoop();
  assert.throws(() => loop.addChild(process.pid, ChildEvent.STOPPED), { code: "EOPNOTSUPP" });
  loop[Symbol.dispose]();
});

test("a loop that nobody drives keeps no process alive, one that is driven does", async () => {
  const sources = `const loop = new sd.EventLoop(); loop.addTimeRelative("monotonic", sd.sec(3600)); loop.addSignal("SIGUSR2");`;
  assert.equal(await programOutput(`${sources} console.log("left");`), "left");
  const end = `loop.addTimeRelative("monotonic", 20000, () => loop.exit(4));`;
  assert.equal(await programOutput(`${sources} ${end} console.log(await loop.loop());`), "4");
});

test("main() runs a program to its exit code", async () => {
  const program = (end) => `process.exitCode = 40 + await sd.main(function* () { yield* sd.sleep(1000); console.log("ran"); ${end} });`;
  for (const [end, code] of [["", 40], ["sd.EventLoop.default().exit(2);", 42]]) {
    await assert.rejects(programOutput(program(end)), (error) => error.stdout === "ran\n" && error.code === code);
  }
});
