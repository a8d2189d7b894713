#!/usr/bin/env -S deno run --allow-net
/**
 * A daemon that serves a line protocol, one fiber a connection.
 *
 * ```text
 * echo TEXT          TEXT
 * sleep MS           slept MS
 * run COMMAND ARGS   data N and N bytes, again and again, then: exited CODE, killed SIGNAL, or timed out
 * fetch URL          status N, then data N and N bytes
 * stats              one line of JSON
 * ```
 *
 * What goes wrong is answered by `error CODE SENTENCE`, and before it hangs up it says `goodbye WHY`. SIGTERM ends it: it stops accepting, and
 * every connection is told and closed, every child ended. Where it may not start processes (on the portable kernel without `--allow-run`), `run`
 * is answered by `error EACCES ...`. Arguments: `--listen=127.0.0.1:0` or `--listen=unix:PATH`, `--idle-ms=30000`, `--run-ms=10000`,
 * `--kill-ms=1000`.
 *
 * @module
 */

import {
  type ChildInfo,
  type Connection,
  isInterruption,
  listen,
  type Listener,
  main,
  msec,
  type Operation,
  scope,
  sec,
  shield,
  sleep,
  spawnProcess,
  SystemError,
  until,
  withTimeout,
} from "@sd/fibers";
import { LineReader, writeBlock, writeLine } from "./line_protocol.ts";

function argument(name: string, otherwise: string): string {
  return Deno.args.find((text) => text.startsWith(`--${name}=`))?.slice(name.length + 3) ?? otherwise;
}

const address = argument("listen", "127.0.0.1:0");
const idle = msec(Number(argument("idle-ms", "30000")));
const runLimit = msec(Number(argument("run-ms", "10000")));
const killTimeout = msec(Number(argument("kill-ms", "1000")));

/** What was served; at the end as many fibers have ended as were started. */
export const stats = { connections: 0, started: 0, unwound: 0, requests: 0, errors: 0, childrenStarted: 0, childrenEnded: 0 };

/** Listens where the arguments say. */
export function open(): Listener {
  if (address.startsWith("unix:")) return listen({ path: address.slice(5) });
  const colon = address.lastIndexOf(":");
  return listen({ hostname: address.slice(0, colon), port: Number(address.slice(colon + 1)) });
}

/** Serves all who come, until it is cancelled. */
export function* serveAll(listener: Listener): Operation<void> {
  yield* scope(function* (connections) {
    for (;;) {
      const connection = yield* listener.accept();
      connections.spawn(() => serve(connection));
    }
  });
}

/** One connection, from hello to goodbye. */
function* serve(connection: Connection): Operation<void> {
  stats.connections++;
  stats.started++;
  let why = "you hung up";
  try {
    why = yield* serveRequests(connection);
  } catch (error) {
    if (isInterruption(error)) {
      why = "the daemon ends";
      throw error;
    }
    stats.errors++;
    why = error instanceof SystemError ? error.code : "internal error";
  } finally {
    yield* shield(() => sayGoodbye(connection, why), { grace: sec(1) });
    stats.connections--;
    stats.unwound++;
  }
}

function* serveRequests(connection: Connection): Operation<string> {
  const reader = new LineReader(connection);
  for (;;) {
    const line = yield* withTimeout(idle, () => reader.line(), function* () {
      return null;
    });
    if (line === null) return "you were idle";
    if (line === undefined) return "you hung up";
    stats.requests++;
    try {
      yield* serveRequest(connection, line);
    } catch (error) {
      if (!(error instanceof SystemError) || isInterruption(error) || lostPeer.has(error.code)) throw error;
      stats.errors++;
      yield* send(writeLine(connection, `error ${error.code} ${error.message}`));
    }
  }
}

const lostPeer: ReadonlySet<string> = new Set(["EPIPE", "ECONNRESET", "ETIMEDOUT"]);

function* serveRequest(connection: Connection, line: string): Operation<void> {
  const [verb, ...words] = line.trimEnd().split(" ");
  switch (verb) {
    case "echo":
      return yield* send(writeLine(connection, words.join(" ")));
    case "sleep":
      yield* sleep(msec(Number(words[0])));
      return yield* send(writeLine(connection, `slept ${words[0]}`));
    case "run":
      return yield* runCommand(connection, words);
    case "fetch":
      return yield* fetchUrl(connection, words[0]);
    case "stats":
      return yield* send(writeLine(connection, JSON.stringify(stats)));
    default:
      throw new SystemError("EINVAL", `Cannot serve '${verb}': there are echo, sleep, run, fetch and stats`);
  }
}

/** A client that does not read for too long is given up. */
function* send(operation: Operation<void>): Operation<void> {
  yield* withTimeout(idle, operation, function* (): Operation<never> {
    throw new SystemError("ETIMEDOUT", "Cannot send: the client does not read");
  });
}

/** Passes a child's output on as it comes, no faster than the client reads. The child ends with this, whatever ends it. */
function* runCommand(connection: Connection, [command, ...args]: string[]): Operation<void> {
  if (!command) throw new SystemError("EINVAL", "Cannot run nothing: name a command");
  const info = yield* withTimeout(runLimit, () => passOutput(connection, command, args), function* () {
    return undefined;
  });
  yield* send(writeLine(connection, describe(info)));
}

function* passOutput(connection: Connection, command: string, args: string[]): Operation<ChildInfo> {
  return yield* scope(function* (children) {
    const process = spawnProcess(command, { args, stdin: "null", stdout: "piped", stderr: "inherit", killTimeout });
    stats.childrenStarted++;
    children.defer(function* () {
      process[Symbol.dispose]();
      stats.childrenEnded++;
    });
    children.add(process.status);
    const buffer = new Uint8Array(64 * 1024);
    for (let count; (count = yield* process.stdout.read(buffer)) !== null;) yield* send(writeBlock(connection, buffer.subarray(0, count)));
    return yield* process.status;
  });
}

function describe(info: ChildInfo | undefined): string {
  if (info === undefined) return "timed out";
  return `${info.code} ${info.status}`;
}

function* fetchUrl(connection: Connection, url: string | undefined): Operation<void> {
  if (!url) throw new SystemError("EINVAL", "Cannot fetch nothing: name a URL");
  const [status, body] = yield* until(async (signal) => {
    try {
      const response = await fetch(url, { signal });
      return [response.status, await response.bytes()] as const;
    } catch (error) {
      throw new SystemError("EIO", `Cannot fetch '${url}': ${error instanceof Error ? error.message : error}`, { cause: error });
    }
  });
  yield* send(writeLine(connection, `status ${status}`));
  yield* send(writeBlock(connection, body));
}

/** The client may be gone, or may not read. */
function* sayGoodbye(connection: Connection, why: string): Operation<void> {
  using _connection = connection;
  try {
    yield* withTimeout(msec(500), () => writeLine(connection, `goodbye ${why}`));
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
  }
}

if (import.meta.main) {
  const status = await main(function* daemon() {
    using listener = open();
    const { address } = listener;
    console.log("path" in address ? `listening on unix:${address.path}` : `listening on ${address.hostname}:${address.port}`);
    yield* serveAll(listener);
  });
  console.log(JSON.stringify(stats));
  Deno.exit(status);
}
