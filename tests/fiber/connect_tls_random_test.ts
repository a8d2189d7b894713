/**
 * Many connections at once, plain and secure, of which some are cut off anywhere: each carries what was sent or throws, and all end.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import {
  cancelWait,
  connect,
  type Connection,
  connectTls,
  type Fiber,
  listen,
  type Listener,
  listenTls,
  type Operation,
  scope,
  settled,
  sleep,
  spawn,
} from "@sd/fibers";
import { authority, server as serverIdentity } from "../_certificates.ts";
import { anyPort, portableIoTest } from "./_io_world.ts";
import { type Random, randomBy } from "./_random_numbers.ts";

const clientCount = 60;

/** Sends back what comes, and hangs up now and then. */
function* echo(connection: Connection, random: Random): Operation<void> {
  using open = connection;
  const buffer = new Uint8Array(1 + random(70_000));
  for (let count; (count = yield* open.read(buffer)) !== null;) {
    if (random(60) === 0) return;
    yield* open.writeAll(buffer.subarray(0, count));
  }
  open.closeWrite();
}

function* serve(listener: Listener, random: Random): Operation<void> {
  yield* scope(function* (connections) {
    while (true) {
      const connection = yield* listener.accept();
      // One that fails is not to end the others.
      connections.spawn(() => settled(spawn(() => echo(connection, random), { floating: true })));
    }
  });
}

/** Sends bytes of a kind of its own and reads to the end: whether all came back. */
function* ask(connection: Connection, kind: number, random: Random): Operation<boolean> {
  using open = connection;
  const data = new Uint8Array(random(200_000)).fill(kind);
  const writing = spawn(function* () {
    yield* open.writeAll(data);
    open.closeWrite();
  });
  const buffer = new Uint8Array(1 + random(50_000));
  let received = 0;
  try {
    for (let count; (count = yield* open.read(buffer)) !== null; received += count) {
      assert(buffer.subarray(0, count).every((byte) => byte === kind), "Bytes of somebody else's");
    }
  } finally {
    yield* cancelWait(writing);
  }
  return received === data.length;
}

for (const [name, isSecure] of [["plain", false], ["secure", true]] as const) {
  for (const seed of [1, 2, 3]) {
    portableIoTest(`Many ${name} connections carry all or throw, and all end, under seed ${seed}`, async (world) => {
      const random = randomBy(seed);
      const whole = await world.run(function* () {
        using listener = isSecure ? listenTls(anyPort, serverIdentity) : listen(anyPort);
        const serving = spawn(() => serve(listener, random));
        const clients: Fiber<boolean>[] = [];
        for (let kind = 0; kind < clientCount; kind++) {
          clients.push(spawn(function* () {
            const { address } = listener;
            const connection = isSecure
              ? yield* connectTls(address, { caCerts: [authority], serverName: "localhost" })
              : yield* connect(address);
            return yield* ask(connection, kind, random);
          }));
          if (random(3) === 0) yield* sleep(random(3_000));
          if (random(4) === 0) clients[random(clients.length)].cancel();
        }
        let whole = 0;
        for (const client of clients) {
          const outcome = yield* settled(client);
          if (outcome.status === "fulfilled" && outcome.value) whole++;
        }
        yield* cancelWait(serving);
        return whole;
      });
      assert(whole > clientCount / 3, `${whole} of ${clientCount}`);
      assertEquals(world.takeReports(), []);
    });
  }
}
