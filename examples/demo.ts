/**
 * Starts the daemon, lets a few hundred clients loose on it, ends it by SIGTERM, and tells what was served.
 *
 * Both are programs on fibers: the clients run in this process, the daemon is a child of it. On the Linux kernel they need `--allow-ffi` for libc,
 * on the portable one `--allow-net` and `--allow-run`.
 *
 * @module
 */

import { connect, type Connection, EventLoop, main, msec, type Operation, type Process, scope, sleep, spawnProcess } from "@sd/fibers";
import { LineReader, writeLine } from "./line_protocol.ts";

const CLIENTS = 300;
const ROUNDS = 20;

const figures = { connected: 0, answered: 0, wrong: 0, goodbyes: 0 };

/** What the daemon needs, on the kernel that this program has. */
function permissions(): string[] {
  if (EventLoop.default().kernel.name === "portable") return ["--allow-net", "--allow-run"];
  const libc = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib/aarch64-linux-gnu/libc.so.6", "/lib64/libc.so.6"];
  return [`--allow-ffi=${libc}`];
}

function startDaemon(): Process {
  return spawnProcess("/proc/self/exe", {
    args: ["run", "--no-prompt", ...permissions(), new URL("daemon.ts", import.meta.url).pathname],
    stdin: "null",
    stdout: "piped",
  });
}

/** Asks and checks, round by round, then stays until the daemon says goodbye. */
function* client(port: number, number: number): Operation<void> {
  using connection = yield* connect({ hostname: "127.0.0.1", port });
  figures.connected++;
  const reader = new LineReader(connection);
  for (let round = 0; round < ROUNDS; round++) {
    const ok = yield* ask(connection, reader, number, round);
    if (ok) figures.answered++;
    else figures.wrong++;
  }
  const last = yield* reader.line();
  if (last === "goodbye the daemon ends") figures.goodbyes++;
}

function* ask(connection: Connection, reader: LineReader, number: number, round: number): Operation<boolean> {
  if (round === 5 && number % 20 === 0) return yield* askToRun(connection, reader);
  if (round === 10) return yield* askFor(connection, reader, "sleep 50", "slept 50");
  if (round === 15) return yield* askToFetch(connection, reader);
  yield* sleep(msec((number * 7 + round * 13) % 100));
  const text = `client ${number} round ${round}`;
  return yield* askFor(connection, reader, `echo ${text}`, text);
}

function* askFor(connection: Connection, reader: LineReader, request: string, expected: string): Operation<boolean> {
  yield* writeLine(connection, request);
  return (yield* reader.line()) === expected;
}

function* askToRun(connection: Connection, reader: LineReader): Operation<boolean> {
  yield* writeLine(connection, "run echo hello");
  const output = yield* readBlock(reader);
  return output === "hello\n" && (yield* reader.line()) === "exited 0";
}

function* askToFetch(connection: Connection, reader: LineReader): Operation<boolean> {
  yield* writeLine(connection, "fetch data:,hello");
  return (yield* reader.line()) === "status 200" && (yield* readBlock(reader)) === "hello";
}

function* readBlock(reader: LineReader): Operation<string> {
  const header = yield* reader.line();
  const block = yield* reader.block(Number(header?.replace("data ", "")));
  return new TextDecoder().decode(block);
}

function* showFigures(): Operation<void> {
  const expected = CLIENTS * ROUNDS;
  while (figures.answered + figures.wrong < expected) {
    console.log(`${figures.connected} of ${CLIENTS} clients connected, ${figures.answered} of ${expected} requests answered`);
    yield* sleep(msec(250));
  }
}

const status = await main(function* demo() {
  using daemon = startDaemon();
  const output = new LineReader(daemon.stdout);
  const greeting = yield* output.line();
  console.log(`daemon ${daemon.pid} is ${greeting}`);
  const port = Number(greeting?.split(":").at(-1));
  const begun = performance.now();
  yield* scope(function* (clients) {
    for (let number = 0; number < CLIENTS; number++) clients.spawn(() => client(port, number));
    yield* showFigures();
    const seconds = (performance.now() - begun) / 1000;
    console.log(`${figures.answered} requests answered in ${seconds.toFixed(2)} s, ${figures.wrong} wrong; now SIGTERM`);
    daemon.kill("SIGTERM");
  });
  const served = JSON.parse((yield* output.line()) ?? "{}");
  const { code, status } = yield* daemon.status;
  console.log(`${figures.goodbyes} of ${CLIENTS} clients were told goodbye`);
  console.log(
    `the daemon served ${served.requests} requests, started ${served.childrenStarted} children and ended ${served.childrenEnded},`,
  );
  console.log(`unwound ${served.unwound} of ${served.started} fibers, and ${code} with status ${status}`);
  const clean = served.unwound === served.started && served.connections === 0 && status === 0 && figures.goodbyes === CLIENTS;
  if (!clean || figures.wrong > 0) throw new Error("The daemon did not do what it should");
});
Deno.exit(status);
