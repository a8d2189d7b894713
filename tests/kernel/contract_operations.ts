/**
 * The contract, 11: completions.
 *
 * @module
 */

import { assert, assertArrayIncludes, assertEquals } from "@std/assert";
import { Errno } from "../../event/errno.ts";
import { IoEvent } from "../../event/flags.ts";
import { COMPLETED, type CompletionResult } from "../../event/kernel/kernel.ts";
import { contractTest, type KernelHands, type Trial } from "./_trial.ts";

/** Registers the tests. */
export function testOperations(hands: KernelHands): void {
  for (const hostname of ["127.0.0.1", "192.0.2.7", "::1", "2001:db8::1"]) {
    contractTest(hands, `Poller.start() resolves ${hostname} to itself`, async (trial) => {
      assertEquals(await resolve(trial, hostname), [hostname]);
    });
  }

  contractTest(hands, "Poller.start() resolves localhost", async (trial) => {
    const addresses = await resolve(trial, "localhost");
    assert(Array.isArray(addresses));
    assertArrayIncludes(["127.0.0.1", "::1"], addresses);
    assert(addresses.length > 0);
  });

  contractTest(hands, "Poller.start() reports ENOENT for an unknown name", async (trial) => {
    assertEquals(await resolve(trial, "surely-unknown.invalid"), -Errno.ENOENT);
  });

  contractTest(hands, "Poller.takeCompletion() gives the result once, after poll has reported its token", async (trial) => {
    assertEquals(trial.poller.takeCompletion(5), undefined);
    assertEquals(trial.poller.start({ kind: "resolve", hostname: "localhost" }, 5), 0);
    assertEquals(trial.poller.takeCompletion(5), undefined);
    assertEquals(await completions(trial, 1), [5]);
    assert(trial.poller.takeCompletion(5) !== undefined);
    assertEquals(trial.poller.takeCompletion(5), undefined);
    assertEquals(trial.reports(), []);
  });

  contractTest(
    hands,
    "Poller.takeCompletion() gives nothing before poll has reported its token, however soon the operation is done",
    async (trial) => {
      assertEquals(trial.poller.start({ kind: "resolve", hostname: "127.0.0.1" }, 5), 0);
      assertEquals(trial.poller.takeCompletion(5), undefined);
      assertEquals(await completions(trial, 1), [5]);
      assertEquals(trial.poller.takeCompletion(5), ["127.0.0.1"]);
    },
  );

  contractTest(hands, "Poller.poll() gets round to every completion, in as many batches as it takes", async (trial) => {
    const tokens = Array.from({ length: 200 }, (_, token) => token);
    for (const token of tokens) assertEquals(trial.poller.start({ kind: "resolve", hostname: "127.0.0.1" }, token), 0);
    assertEquals(await completions(trial, tokens.length), tokens);
    for (const token of tokens) assertEquals(trial.poller.takeCompletion(token), ["127.0.0.1"]);
    assertEquals(trial.reports(), []);
  });

  contractTest(hands, "Poller.poll() reports completions beside readiness", async (trial) => {
    const [, writer] = trial.pipe();
    assertEquals(trial.poller.watch(writer, IoEvent.OUT, false, 1), 0);
    assertEquals(trial.poller.start({ kind: "resolve", hostname: "127.0.0.1" }, 2), 0);
    assertEquals(trial.poller.start({ kind: "resolve", hostname: "::1" }, 3), 0);
    assertEquals(await completions(trial, 2), [2, 3]);
    assertEquals(trial.poller.takeCompletion(3), ["::1"]);
    assertEquals(trial.poller.takeCompletion(2), ["127.0.0.1"]);
    assertEquals(trial.reports(), [[1, IoEvent.OUT]]);
  });

  contractTest(hands, "Poller.start() reports EEXIST for a token in use, and EINVAL for no name", async (trial) => {
    assertEquals(trial.poller.start({ kind: "resolve", hostname: "127.0.0.1" }, 1), 0);
    assertEquals(trial.poller.start({ kind: "resolve", hostname: "127.0.0.2" }, 1), -Errno.EEXIST);
    assertEquals(trial.poller.start({ kind: "resolve", hostname: "" }, 2), -Errno.EINVAL);
    assertEquals(await completions(trial, 1), [1]);
    assertEquals(trial.poller.takeCompletion(1), ["127.0.0.1"]);
  });

  contractTest(hands, "Poller.abandon() keeps a token from being reported, and its result from being taken", async (trial) => {
    assertEquals(trial.poller.start({ kind: "resolve", hostname: "127.0.0.1" }, 1), 0);
    assertEquals(trial.poller.start({ kind: "resolve", hostname: "127.0.0.2" }, 2), 0);
    trial.poller.abandon(1);
    assertEquals(await completions(trial, 1), [2]);
    assertEquals(trial.poller.takeCompletion(1), undefined);
    trial.poller.abandon(2);
    assertEquals(trial.poller.takeCompletion(2), undefined);
  });

  contractTest(hands, "Poller.handle is readable for a completion", (trial) => {
    if (!trial.kernel.features.has("nesting")) return;
    const inner = trial.openPoller();
    assertEquals(trial.poller.watch(inner.handle, IoEvent.IN, false, 1), 0);
    assertEquals(inner.start({ kind: "resolve", hostname: "127.0.0.1" }, 2), 0);
    assertEquals(trial.reports(), [[1, IoEvent.IN]]);
    assertEquals(trial.reports(inner), [[2, COMPLETED]]);
    assertEquals(trial.reports(), []);
  });
}

async function resolve(trial: Trial, hostname: string): Promise<CompletionResult | undefined> {
  assertEquals(trial.poller.start({ kind: "resolve", hostname }, 1), 0);
  assertEquals(await completions(trial, 1), [1]);
  return trial.poller.takeCompletion(1);
}

/** The tokens of the completions that come, so many, in ascending order. */
async function completions(trial: Trial, count: number): Promise<number[]> {
  const tokens: number[] = [];
  for (let round = 0; tokens.length < count; round++) {
    assert(round < 1_000, "It is never completed");
    for (const [token, events] of trial.reports()) if (events === COMPLETED) tokens.push(token);
    if (tokens.length < count) await trial.park();
  }
  return tokens.sort((one, other) => one - other);
}
