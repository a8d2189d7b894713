#!/usr/bin/env -S deno run --unstable-no-legacy-abort --allow-net=127.0.0.1
/**
 * An HTTP server of the host's whose requests are fibers: a client that goes away cancels its request, and clean-up runs.
 *
 * `Deno.serve` goes on beside the loop, which `main` drives. A fiber is a promise, so a handler returns it as it is.
 *
 *     deno run --unstable-no-legacy-abort --allow-net=127.0.0.1 --allow-ffi examples/serve.ts 8000
 *
 * Without the first flag Deno aborts `request.signal` after each answer too, which is late for the fiber and does nothing to it, and warns of that.
 *
 * @module
 */

import { CancelledError, FiberLocal, main, msec, type Operation, sec, shield, sleep, spawn, suspend, until, withTimeout } from "@sd/fibers";

const figures = { begun: 0, answered: 0, cancelled: 0 };

/** Which request a line in the log is about. */
const requestNumber = new FiberLocal(0);

function log(text: string): void {
  console.log(`${requestNumber.get()} ${text}`);
}

function* serve(request: Request): Operation<Response> {
  requestNumber.set(++figures.begun);
  try {
    const response = yield* route(new URL(request.url));
    figures.answered++;
    return response;
  } catch (error) {
    if (error instanceof CancelledError) {
      figures.cancelled++;
      log(`cancelled by ${error.by}`);
    }
    throw error;
  }
}

function* route(url: URL): Operation<Response> {
  if (url.pathname === "/figures") return Response.json(figures);
  if (url.pathname === "/report") return new Response(yield* withTimeout(sec(60), () => makeReport(Number(url.searchParams.get("ms")))));
  return new Response("Not found\n", { status: 404 });
}

/** Takes its time, and must not leave its files behind. */
function* makeReport(ms: number): Operation<string> {
  log("starts a report");
  try {
    yield* sleep(msec(ms));
    return "all is well\n";
  } finally {
    // Whatever ended the report: this is not cut short.
    yield* shield(function* () {
      yield* sleep(msec(1));
      log("removed its files");
    });
  }
}

/** A client that has gone away does not hear this; one whose request was cancelled because the server stops does. */
function answerError(error: unknown): Response {
  if (error instanceof CancelledError) return new Response("Cancelled\n", { status: 503 });
  console.error(error);
  return new Response("Internal error\n", { status: 500 });
}

Deno.exit(
  await main(function* () {
    const stopping = new AbortController();
    const server = Deno.serve({
      hostname: "127.0.0.1",
      port: Number(Deno.args[0] ?? 8000),
      onListen: ({ port }) => console.log(`listening on ${port}`),
      onError: answerError,
    }, (request) => spawn(() => serve(request), { signal: AbortSignal.any([request.signal, stopping.signal]) }));
    try {
      yield* suspend();
    } finally {
      // Requests that are under way have a second to end. The others are cancelled while the loop still serves their clean-up.
      yield* shield(() =>
        withTimeout(sec(1), until(server.shutdown()), function* () {
          stopping.abort();
          yield* until(server.finished);
        })
      );
    }
  }),
);
