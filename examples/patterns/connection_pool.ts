#!/usr/bin/env -S deno run --allow-net=127.0.0.1
/**
 * A connection pool: so many connections at most, used again and again, opened when needed and replaced when broken.
 *
 * Twenty requests over three connections, to a server of its own:
 *
 *     deno run --allow-ffi=/lib/x86_64-linux-gnu/libc.so.6 examples/patterns/connection_pool.ts
 *
 * @module
 */

import {
  all,
  connect,
  type Connection,
  isInterruption,
  listen,
  main,
  type Operation,
  scope,
  Semaphore,
  type SocketAddress,
  withTimeout,
} from "@sd/fibers";
import { LineReader, writeLine } from "../line_protocol.ts";
import { serveEcho } from "./echo_server.ts";

/** Connections to one address. Whoever waits is served in order. */
export class ConnectionPool {
  readonly #address: SocketAddress;
  readonly #size: number;
  readonly #slots: Semaphore;
  readonly #idle: Connection[] = [];
  /** How many were opened so far. */
  opened = 0;

  constructor(address: SocketAddress, size: number) {
    this.#address = address;
    this.#size = size;
    this.#slots = new Semaphore(size);
  }

  /** Lets `body` use a connection. One on which it failed or was interrupted is closed: nobody knows what is still to come on it. */
  *use<T>(body: (connection: Connection) => Operation<T>): Operation<T> {
    using _slot = yield* this.#slots.acquire();
    using used = new DisposableStack();
    const connection = (yield* this.#takeIdle(used)) ?? used.use(yield* this.#open());
    const result = yield* body(connection);
    used.move(); // It is not closed.
    this.#idle.push(connection);
    return result;
  }

  /** Waits for those who have a connection or waited before, then closes all. Whoever comes later gets EPIPE. */
  *close(): Operation<void> {
    using _all = yield* this.#slots.acquire(this.#size);
    this.#slots[Symbol.dispose]();
    for (const connection of this.#idle.splice(0)) connection.close();
  }

  *#open(): Operation<Connection> {
    const connection = yield* connect(this.#address);
    this.opened++;
    return connection;
  }

  /** The one that was used last, if its other end has kept it open. */
  *#takeIdle(used: DisposableStack): Operation<Connection | undefined> {
    for (let connection; (connection = this.#idle.pop()) !== undefined; connection.close()) {
      if (yield* isQuiet(used.use(connection))) return connection;
    }
    return undefined;
  }
}

/** Nothing may come on an idle connection: what does is its end, an error, or the answer to a question that nobody asked. */
function* isQuiet(connection: Connection): Operation<boolean> {
  const news = function* () {
    yield* connection.read(new Uint8Array(1));
    return false;
  };
  try {
    return yield* withTimeout(1, news, function* () {
      return true;
    });
  } catch (error) {
    if (isInterruption(error)) throw error;
    return false;
  }
}

/** Sends a line and waits for the answer. */
export function* ask(connection: Connection, line: string): Operation<string> {
  yield* writeLine(connection, line);
  const answer = yield* new LineReader(connection).line();
  if (answer === undefined) throw new Error(`Cannot ask '${line}': the connection ended before the answer`);
  return answer;
}

if (import.meta.main) {
  Deno.exit(
    await main(function* () {
      // What children use is opened outside of their scope, or it would be closed before they have ended.
      using listener = listen({ hostname: "127.0.0.1", port: 0 });
      yield* scope(function* (children) {
        children.spawn(() => serveEcho(listener), { name: "server" });
        const pool = new ConnectionPool(listener.address, 3);
        const answers = yield* all(
          Array.from({ length: 20 }, (_, n) => () => pool.use((connection) => ask(connection, `request ${n + 1}`))),
        );
        yield* pool.close();
        console.log(`${answers.length} answers over ${pool.opened} connections`);
        children.cancelChildren();
      });
    }),
  );
}
