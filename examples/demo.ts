#!/usr/bin/env -S deno run --allow-net
/**
 * Starts the daemon, lets a few hundred clients loose on it, ends it, and tells what was served.
 *
 * The clients are fibers of this program, and the daemon is a child of it. On the Linux kernel both need `--allow-ffi` for libc, on the portable one
 * `--allow-net` and `--allow-run`. With `--allow-net` alone the daemon is one more fiber here, and refuses to run commands.
 *
 * @module
 */

import {
  CancelledError,
  connect,
  type Connection,
  EventLoop,
  main,
  msec,
  type Operation,
  type Process,
  scope,
  settled,
  sleep,
  spawn,
  spawnProcess,
  SystemError,
} from "@sd/fibers";
import { open, serveAll, stats } from "./daemon.ts";
import { LineReader, writeLine } from "./line_protocol.ts";

const CLIENTS = 300;
const ROUNDS = 20;

const figures = { connected: 0, answered: 0, refused: 0, wrong: 0, goodbyes: 0 };

/** What the daemon needs, on the kernel that this program has. */
function permissions(): string[] {
  if (EventLoop.default().kernel.name === "portable") return ["--allow-net", "--allow-run"];
  const libc = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib/aarch64-linux-gnu/libc.so.6", "/lib64/libc.so.6"];
  return [`--allow-ffi=${libc}`];
}

/** A daemon, and how it is ended. */
interface Daemon extends Disposable {
  readonly name: string;
  readonly port: number;
  /** Asks it to end. */
  terminate(): void;
  /** Waits for that: what it served, and whether it ended well. */
  ended(): Operation<{ served: typeof stats; how: string; well: boolean }>;
}

/** A process of its own; where none may be started, a fiber of this one. */
function* startDaemon(): Operation<Daemon> {
  let process: Process;
  try {
    process = spawnProcess(Deno.execPath(), {
      args: ["run", "--no-prompt", ...permissions(), `${import.meta.dirname}/daemon.ts`],
      stdin: "null",
      stdout: "piped",
    });
  } catch (error) {
    if (error instanceof SystemError && error.code === "EACCES") return daemonHere();
    throw error;
  }
  return yield* daemonIn(process);
}

function* daemonIn(process: Process): Operation<Daemon> {
  const output = new LineReader(process.stdout);
  const greeting = (yield* output.line()) ?? "gone at once";
  return {
    name: `daemon ${process.pid} is ${greeting}`,
    port: Number(greeting.split(":").at(-1)),
    terminate: () => process.kill("SIGTERM"),
    *ended() {
      const served = JSON.parse((yield* output.line()) ?? "{}");
      const { code, status } = yield* process.status;
      return { served, how: `${code} with status ${status}`, well: code === "exited" && status === 0 };
    },
    [Symbol.dispose]: () => process[Symbol.dispose](),
  };
}

function daemonHere(): Daemon {
  const listener = open();
  const { address } = listener;
  const port = "port" in address ? address.port : 0;
  const fiber = spawn(() => serveAll(listener), { name: "daemon" });
  return {
    name: `daemon is a fiber listening on port ${port}, since no process may be started`,
    port,
    terminate: () => fiber.cancel(),
    *ended() {
      const outcome = yield* settled(fiber);
      const well = outcome.status === "rejected" && outcome.reason instanceof CancelledError;
      return { served: stats, how: well ? "was cancelled" : outcome.status, well };
    },
    [Symbol.dispose]: () => listener[Symbol.dispose](),
  };
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
  const first = yield* reader.line();
  if (first?.startsWith("error EACCES")) {
    figures.refused++;
    return true;
  }
  return (yield* readBlock(reader, first)) === "hello\n" && (yield* reader.line()) === "exited 0";
}

function* askToFetch(connection: Connection, reader: LineReader): Operation<boolean> {
  yield* writeLine(connection, "fetch data:,hello");
  return (yield* reader.line()) === "status 200" && (yield* readBlock(reader, yield* reader.line())) === "hello";
}

/** The block behind a header. */
function* readBlock(reader: LineReader, header: string | undefined): Operation<string> {
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
  using daemon = yield* startDaemon();
  console.log(daemon.name);
  const begun = performance.now();
  yield* scope(function* (clients) {
    for (let number = 0; number < CLIENTS; number++) clients.spawn(() => client(daemon.port, number));
    yield* showFigures();
    const seconds = (performance.now() - begun) / 1000;
    console.log(`${figures.answered} requests answered in ${seconds.toFixed(2)} s, ${figures.wrong} wrong; now the daemon is to end`);
    daemon.terminate();
  });
  const { served, how, well } = yield* daemon.ended();
  console.log(`${figures.goodbyes} of ${CLIENTS} clients were told goodbye`);
  if (figures.refused > 0) console.log(`${figures.refused} commands were refused, --allow-run lets the daemon run them`);
  console.log(
    `the daemon served ${served.requests} requests, started ${served.childrenStarted} children and ended ${served.childrenEnded},`,
  );
  console.log(`unwound ${served.unwound} of ${served.started} fibers, and ${how}`);
  const clean = served.unwound === served.started && served.connections === 0 && figures.goodbyes === CLIENTS;
  if (!well || !clean || figures.wrong > 0) throw new Error("The daemon did not do what it should");
});
Deno.exit(status);
