/**
 * The contract, 5 to 7: readiness and poll.
 *
 * @module
 */

import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { Errno } from "../../event/errno.ts";
import { IoEvent } from "../../event/flags.ts";
import { contractTest, type KernelHands, type Trial } from "./_trial.ts";

const { IN, OUT, ERR, HUP, ET } = IoEvent;

/** Registers the tests. */
export function testReadiness(hands: KernelHands): void {
  contractTest(hands, "Poller.poll() reports what is ready with its token by every poll", (trial) => {
    const [reader, writer] = trial.pipe();
    assertEquals(trial.poller.watch(reader, IN, false, 7), 0);
    assertEquals(trial.reports(), []);
    trial.write(writer, "x");
    assertEquals(trial.reports(), [[7, IN]]);
    assertEquals(trial.reports(), [[7, IN]]);
    trial.read(reader);
    assertEquals(trial.reports(), []);
  });

  contractTest(hands, "Poller.poll() reports only what is watched for", (trial) => {
    const [, writer] = trial.pipe();
    assertEquals(trial.poller.watch(writer, IN, false, 1), 0);
    assertEquals(trial.reports(), []);
    assertEquals(trial.poller.rewatch(writer, IN | OUT, false, 1), 0);
    assertEquals(trial.reports(), [[1, OUT]]);
  });

  contractTest(hands, "Poller.poll() reports HUP and ERR unasked", (trial) => {
    const [reader, writer] = trial.pipe();
    const [otherReader, otherWriter] = trial.pipe();
    assertEquals(trial.poller.watch(reader, 0, false, 1), 0);
    assertEquals(trial.poller.watch(otherWriter, 0, false, 2), 0);
    assertEquals(trial.reports(), []);
    trial.drop(writer);
    trial.drop(otherReader);
    assertEquals(trial.reports(), [[1, HUP], [2, ERR]]);
  });

  contractTest(hands, "Poller.poll() reports a pipe as writable again when there is room", (trial) => {
    const [reader, writer] = trial.pipe();
    const size = trial.fill(writer);
    assertEquals(trial.poller.watch(writer, OUT, false, 1), 0);
    assertEquals(trial.reports(), []);
    assertEquals(trial.kernel.tryRead(reader, new Uint8Array(size)), size);
    assertEquals(trial.reports(), [[1, OUT]]);
  });

  contractTest(hands, "Poller.watch() with ET reports news once, more of it again", (trial) => {
    const [reader, writer] = trial.pipe();
    assertEquals(trial.poller.watch(reader, IN | ET, false, 1), 0);
    trial.write(writer, "one");
    assertEquals(trial.reports(), [[1, IN]]);
    assertEquals(trial.reports(), []);
    trial.write(writer, "two");
    assertEquals(trial.reports(), [[1, IN]]);
    assertEquals(trial.read(reader), "onetwo");
    assertEquals(trial.reports(), []);
  });

  contractTest(hands, "Poller.watch() with ET reports what is ready from the start", (trial) => {
    const [, writer] = trial.pipe();
    assertEquals(trial.poller.watch(writer, OUT | ET, false, 1), 0);
    assertEquals(trial.reports(), [[1, OUT]]);
    assertEquals(trial.reports(), []);
  });

  contractTest(hands, "Poller.watch() with ET reports the end", (trial) => {
    const [reader, writer] = trial.pipe();
    assertEquals(trial.poller.watch(reader, IN | ET, false, 1), 0);
    assertEquals(trial.reports(), []);
    trial.drop(writer);
    assertEquals(trial.reports(), [[1, HUP]]);
    assertEquals(trial.reports(), []);
  });

  contractTest(hands, "Poller.watch() with ET reports freed space", (trial) => {
    const [reader, writer] = trial.pipe();
    const size = trial.fill(writer);
    assertEquals(trial.poller.watch(writer, OUT | ET, false, 1), 0);
    assertEquals(trial.reports(), []);
    assertEquals(trial.kernel.tryRead(reader, new Uint8Array(size)), size);
    assertEquals(trial.reports(), [[1, OUT]]);
    assertEquals(trial.reports(), []);
  });

  contractTest(hands, "Poller.rewatch() with ET reports an edge that is there again", (trial) => {
    const [reader, writer] = trial.pipe();
    assertEquals(trial.poller.watch(reader, IN | ET, false, 1), 0);
    trial.write(writer, "x");
    assertEquals(trial.reports(), [[1, IN]]);
    assertEquals(trial.poller.rewatch(reader, IN | ET, false, 2), 0);
    assertEquals(trial.reports(), [[2, IN]]);
    assertEquals(trial.reports(), []);
  });

  contractTest(hands, "Poller.watch() with oneshot reports once, until it is watched anew", (trial) => {
    const [reader, writer] = trial.pipe();
    assertEquals(trial.poller.watch(reader, IN, true, 1), 0);
    trial.write(writer, "x");
    assertEquals(trial.reports(), [[1, IN]]);
    trial.write(writer, "y");
    trial.drop(writer);
    assertEquals(trial.reports(), []);
    assertEquals(trial.poller.watch(reader, IN, true, 1), -Errno.EEXIST);
    assertEquals(trial.poller.rewatch(reader, IN, true, 1), 0);
    assertEquals(trial.reports(), [[1, IN | HUP]]);
    assertEquals(trial.reports(), []);
  });

  contractTest(hands, "Poller.rewatch() watches for something else under another token from now on", (trial) => {
    const [reader, writer] = trial.pipe();
    assertEquals(trial.poller.watch(writer, OUT, false, 1), 0);
    trial.write(writer, "x");
    assertEquals(trial.poller.watch(reader, IN, false, 2), 0);
    assertEquals(trial.reports(), [[1, OUT], [2, IN]]);
    assertEquals(trial.poller.rewatch(writer, 0, false, 1), 0);
    assertEquals(trial.poller.rewatch(reader, IN, false, 3), 0);
    assertEquals(trial.reports(), [[3, IN]]);
  });

  contractTest(hands, "Poller.watch() reports EEXIST for a handle watched twice, and leaves the first watch as it is", (trial) => {
    const [, writer] = trial.pipe();
    assertEquals(trial.poller.watch(writer, OUT, false, 1), 0);
    assertEquals(trial.poller.watch(writer, IN, true, 2), -Errno.EEXIST);
    assertEquals(trial.reports(), [[1, OUT]]);
    assertEquals(trial.reports(), [[1, OUT]]);
  });

  contractTest(hands, "Poller.watch() takes a duplicate, and what another poller watches", (trial) => {
    const [, writer] = trial.pipe();
    const other = trial.openPoller();
    assertEquals(trial.poller.watch(writer, OUT, false, 1), 0);
    assertEquals(trial.poller.watch(trial.own(trial.kernel.duplicate(writer)), OUT, false, 2), 0);
    assertEquals(other.watch(writer, OUT, false, 3), 0);
    assertEquals(trial.reports(), [[1, OUT], [2, OUT]]);
    assertEquals(trial.reports(other), [[3, OUT]]);
  });

  contractTest(hands, "Poller.watch() reports EPERM for what cannot be waited for", (trial) => {
    const unwatchable = trial.own(hands.openUnwatchable(trial.kernel));
    assertEquals(trial.poller.watch(unwatchable, IN, false, 1), -Errno.EPERM);
    assertEquals(trial.reports(), []);
  });

  contractTest(hands, "Poller.rewatch() and Poller.unwatch() report ENOENT for what is not watched", (trial) => {
    const [reader] = trial.pipe();
    assertEquals(trial.poller.rewatch(reader, IN, false, 1), -Errno.ENOENT);
    assertEquals(trial.poller.unwatch(reader), -Errno.ENOENT);
  });

  contractTest(hands, "Poller.unwatch() ends the reports, and the handle can be watched again", (trial) => {
    const [, writer] = trial.pipe();
    assertEquals(trial.poller.watch(writer, OUT, false, 1), 0);
    assertEquals(trial.poller.unwatch(writer), 0);
    assertEquals(trial.reports(), []);
    assertEquals(trial.poller.unwatch(writer), -Errno.ENOENT);
    assertEquals(trial.poller.watch(writer, OUT, false, 2), 0);
    assertEquals(trial.reports(), [[2, OUT]]);
  });

  contractTest(hands, "Poller.poll() gets round to everything that is ready, in as many batches as it takes", (trial) => {
    const count = 200;
    const [, writer] = trial.pipe();
    for (let token = 0; token < count; token++) {
      assertEquals(trial.poller.watch(trial.own(trial.kernel.duplicate(writer)), OUT | ET, false, token), 0);
    }
    const tokens = new Set<number>();
    for (let isFull = true; isFull;) {
      const reports = trial.reports();
      isFull = reports.length === trial.poller.readyTokens.length;
      for (const [token] of reports) {
        assert(!tokens.has(token), "It was reported twice");
        tokens.add(token);
      }
    }
    assertEquals(tokens.size, count);
    assertEquals(trial.reports(), []);
  });

  contractTest(hands, "Poller.poll() of a full batch is followed by the rest, however many stay ready", (trial) => {
    const count = 100;
    const [, writer] = trial.pipe();
    for (let token = 0; token < count; token++) {
      assertEquals(trial.poller.watch(trial.own(trial.kernel.duplicate(writer)), OUT, false, token), 0);
    }
    const tokens = new Set<number>();
    for (let round = 0, isFull = true; isFull; round++) {
      assert(round < count, "It never ends");
      const reports = trial.reports();
      isFull = reports.length === trial.poller.readyTokens.length;
      for (const [token] of reports) tokens.add(token);
    }
    assertEquals(tokens.size, count);
  });

  contractTest(hands, "Poller.poll() is never early without cause", (trial) => {
    const [reader] = trial.pipe();
    assertEquals(trial.poller.watch(reader, IN, false, 1), 0);
    const [count, took] = trial.pollOnce(3_000);
    assertEquals(count, 0);
    assertGreaterOrEqual(took, 3_000);
  });

  contractTest(hands, "Poller.poll() with time to wait does not wait when something is ready", (trial) => {
    const [, writer] = trial.pipe();
    assertEquals(trial.poller.watch(writer, OUT, false, 1), 0);
    assertEquals(trial.reports(trial.poller, Infinity), [[1, OUT]]);
  });

  contractTest(hands, "Poller.handle is readable for another poller when poll would report something", (trial) => {
    const inner = trial.openPoller();
    if (!trial.kernel.features.has("nesting")) return assertEquals(inner.handle, -Errno.EOPNOTSUPP);
    const [reader, writer] = trial.pipe();
    assertEquals(trial.poller.watch(inner.handle, IN, false, 1), 0);
    assertEquals(inner.watch(reader, IN, false, 2), 0);
    assertEquals(trial.reports(), []);
    trial.write(writer, "x");
    assertEquals(trial.reports(), [[1, IN]]);
    assertEquals(trial.reports(inner), [[2, IN]]);
    assertEquals(trial.reports(), [[1, IN]]);
    trial.read(reader);
    assertEquals(trial.reports(), []);
  });

  contractTest(hands, "Poller.handle is readable for a wake-up that has come", async (trial) => {
    if (!trial.kernel.features.has("nesting")) return;
    const inner = nestedPoller(trial);
    assertEquals(inner.openClock(2), 0);
    assertEquals(inner.setWakeup(2, trial.now + 1_000_000_000), 0);
    assertEquals(trial.reports(), []);
    assertEquals(inner.setWakeup(2, trial.now + 2_000), 0);
    await trial.waitUntil((reports) => reports.length > 0);
    assertEquals(trial.reports(inner), []);
    assertEquals(inner.clocksFired, 1 << 2);
    assertEquals(trial.reports(), []);
  });

  contractTest(hands, "Poller.watch() reports EINVAL for the poller itself and ELOOP for a circle", (trial) => {
    if (!trial.kernel.features.has("nesting")) return;
    const inner = nestedPoller(trial);
    assertEquals(trial.poller.watch(trial.poller.handle, IN, false, 2), -Errno.EINVAL);
    assertEquals(inner.watch(trial.poller.handle, IN, false, 2), -Errno.ELOOP);
    const innermost = trial.openPoller();
    assertEquals(inner.watch(innermost.handle, IN, false, 2), 0);
    assertEquals(innermost.watch(trial.poller.handle, IN, false, 3), -Errno.ELOOP);
  });

  contractTest(hands, "Poller.close() a second time does nothing, also to what took the numbers of its handles", (trial) => {
    const poller = trial.openPoller();
    trial.dropPoller(poller);
    const [reader, writer] = trial.pipe();
    const other = trial.openPoller();
    poller.close();
    assertEquals(other.watch(reader, IN, false, 3), 0);
    trial.write(writer, "x");
    assertEquals(trial.reports(other), [[3, IN]]);
    assertEquals(trial.read(reader), "x");
  });

  contractTest(hands, "Poller.close() closes its handle, and leaves what it watched to others", (trial) => {
    const [, writer] = trial.pipe();
    const other = trial.openPoller();
    const { handle } = other;
    assertEquals(other.watch(writer, OUT, false, 1), 0);
    assertEquals(trial.poller.watch(writer, OUT, false, 2), 0);
    if (trial.kernel.features.has("nesting")) assertEquals(trial.poller.watch(handle, IN, false, 3), 0);
    trial.dropPoller(other);
    if (trial.kernel.features.has("nesting")) assertEquals(trial.kernel.close(handle), -Errno.EBADF);
    assertEquals(trial.reports(), [[2, OUT]]);
    trial.write(writer, "still open");
  });
}

/** A poller that the trial's own one watches as 1. */
function nestedPoller(trial: Trial) {
  const inner = trial.openPoller();
  assertEquals(trial.poller.watch(inner.handle, IN, false, 1), 0);
  return inner;
}
