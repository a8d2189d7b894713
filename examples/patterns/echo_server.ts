/**
 * A server to try clients on.
 *
 * @module
 */

import { type Connection, isInterruption, type Listener, type Operation, scope } from "@sd/fibers";
import { LineReader, writeLine } from "../line_protocol.ts";

/** Answers lines by themselves, and hangs up on "bye". */
export function* serveEcho(listener: Listener): Operation<never> {
  return yield* scope(function* (clients) {
    while (true) {
      const connection = yield* listener.accept();
      clients.spawn(() => echo(connection));
    }
  });
}

function* echo(connection: Connection): Operation<void> {
  using _open = connection;
  const lines = new LineReader(connection);
  try {
    for (let line; (line = yield* lines.line()) !== undefined && line !== "bye";) yield* writeLine(connection, line);
  } catch (error) {
    // A client that is gone ends nothing but this.
    if (isInterruption(error)) throw error;
  }
}
