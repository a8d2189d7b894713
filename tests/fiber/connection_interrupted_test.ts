/**
 * Waits that are interrupted at any time, again and again: nothing that came gets lost, on no kernel.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import {
  all,
  CancelledError,
  cancelWait,
  connect,
  type Connection,
  connectTls,
  listen,
  listenTls,
  type Operation,
  settled,
  sleep,
  spawn,
  spawnProcess,
  yieldNow,
} from "@sd/fibers";
import { authority, server as serverIdentity } from "../_certificates.ts";
import { anyPort, ioTest, portableIoTest } from "./_io_world.ts";
import { type Random, randomBy } from "./_random_numbers.ts";

const BYTES = 60_000;
const CLIENTS = 40;

/** Lets a little happen. */
function* pause(random: Random): Operation<void> {
  if (random(3) === 0) yield* sleep(random(500));
  else for (let turns = random(4); turns > 0; turns--) yield* yieldNow();
}

/** Bytes of which each says where it belongs. */
const pattern = Uint8Array.from({ length: BYTES }, (_, index) => (index * 7 + (index >> 8)) & 0xff);

function* writePattern(connection: Connection, random: Random): Operation<void> {
  for (let start = 0; start < BYTES;) {
    const end = Math.min(BYTES, start + 1 + random(3_000));
    yield* connection.writeAll(pattern.subarray(start, end));
    start = end;
    yield* pause(random);
  }
}

/** Reads the pattern by reads of which most are cancelled: how many were in vain. */
function* readPattern(connection: Connection, random: Random): Operation<number> {
  const received = new Uint8Array(BYTES);
  let size = 0;
  let interrupted = 0;
  while (size < BYTES) {
    const buffer = new Uint8Array(1 + random(2_000));
    const reading = spawn(() => connection.read(buffer));
    yield* pause(random);
    if (random(4) > 0) yield* cancelWait(reading);
    const outcome = yield* settled(reading);
    if (outcome.status === "rejected") {
      assert(outcome.reason instanceof CancelledError);
      assert(buffer.every((byte) => byte === 0), "An interrupted read has written into its buffer");
      interrupted++;
      continue;
    }
    assert(outcome.value !== null, "The end came too early");
    received.set(buffer.subarray(0, outcome.value), size);
    size += outcome.value;
  }
  assertEquals(received, pattern);
  return interrupted;
}

/** Sends the pattern from one end to the other, whose reads are interrupted. */
function* transfer(from: Connection, to: Connection, seed: number): Operation<void> {
  const [, interrupted] = yield* all([() => writePattern(from, randomBy(seed)), () => readPattern(to, randomBy(seed + 1))]);
  assert(interrupted > 0, "No read was interrupted");
}

for (const seed of [1, 2, 3]) {
  ioTest(`Connection.read() over TCP loses nothing by interruptions, under seed ${seed}`, async (world) => {
    await world.run(function* () {
      using listener = listen(anyPort);
      const [client, server] = yield* all([() => connect(listener.address), () => listener.accept()]);
      using _ends = { [Symbol.dispose]: () => (client.close(), server.close()) };
      yield* transfer(client, server, seed);
    });
  });

  portableIoTest(`Connection.read() over TLS loses nothing by interruptions, under seed ${seed}`, async (world) => {
    await world.run(function* () {
      using listener = listenTls(anyPort, serverIdentity);
      const options = { caCerts: [authority], serverName: "localhost" };
      const [client, server] = yield* all([() => connectTls(listener.address, options), () => listener.accept()]);
      using _ends = { [Symbol.dispose]: () => (client.close(), server.close()) };
      yield* transfer(client, server, seed);
    });
  });

  portableIoTest(`Connection.read() from a process loses nothing by interruptions, under seed ${seed}`, async (world) => {
    await world.run(function* () {
      using process = spawnProcess("cat", { stdin: "piped", stdout: "piped" });
      yield* transfer(process.stdin, process.stdout, seed);
      process.stdin.close();
      const { code, status } = yield* process.status;
      assertEquals([code, status], ["exited", 0]);
    });
  });

  ioTest(`Listener.accept() loses nobody by interruptions, under seed ${seed}`, async (world) => {
    await world.run(function* () {
      const random = randomBy(seed);
      using listener = listen(anyPort);
      const clients = spawn(function* () {
        for (let number = 0; number < CLIENTS; number++) {
          using client = yield* connect(listener.address);
          yield* client.writeAll(Uint8Array.of(number));
          yield* pause(random);
        }
      });
      const numbers: number[] = [];
      for (let interrupted = 0; numbers.length < CLIENTS;) {
        assert(interrupted < 100_000, "Somebody is lost");
        const accepting = spawn(() => listener.accept());
        yield* pause(random);
        if (random(4) > 0) yield* cancelWait(accepting);
        const outcome = yield* settled(accepting);
        if (outcome.status === "rejected") {
          assert(outcome.reason instanceof CancelledError);
          interrupted++;
          continue;
        }
        using server = outcome.value;
        numbers.push(...(yield* server.readAll()));
      }
      yield* clients;
      assertEquals(numbers, Array.from({ length: CLIENTS }, (_, number) => number));
    });
  });
}
