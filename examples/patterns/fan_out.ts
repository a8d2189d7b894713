#!/usr/bin/env -S deno run --allow-net
/**
 * Fan-out and fan-in: one question to many, so many at a time, each with a deadline; the answers come as they are ready, failures among them.
 *
 * Which of these services takes connections:
 *
 *     deno run --allow-ffi=/lib/x86_64-linux-gnu/libc.so.6 examples/patterns/fan_out.ts 127.0.0.1:22 127.0.0.1:80
 *
 * @module
 */

import {
  CancelledError,
  Channel,
  connect,
  main,
  type Operation,
  type Receiver,
  scope,
  sec,
  Semaphore,
  type Usec,
  withTimeout,
} from "@sd/fibers";

/** What became of one item. */
export type Answer<T, R> = { item: T; value: R } | { item: T; error: unknown };

/** How wide to fan out, and how patient to be. */
export interface FanOutOptions {
  /** How many at a time. */
  width: number;
  /** How long each of them may take, once it has begun. */
  timeoutUsec: Usec;
}

/**
 * Asks for all items, and lets `body` receive the answers one by one as they come: a failure or a deadline is an answer like any other.
 *
 * When `body` returns, whatever is under way is cancelled: it may have heard enough. The same when it fails, or when this is interrupted.
 */
export function* fanOut<T, R, U>(
  items: Iterable<T>,
  ask: (item: T) => Operation<R>,
  body: (answers: Receiver<Answer<T, R>>) => Operation<U>,
  options: FanOutOptions,
): Operation<U> {
  return yield* scope(function* (children) {
    // No capacity: whoever has an answer keeps its slot until somebody takes it.
    const answers = new Channel<Answer<T, R>>({ capacity: 0 });
    children.spawn(() => askAll(items, ask, answers, options), { name: "questions" });
    const result = yield* body(answers);
    children.cancelChildren();
    return result;
  });
}

function* askAll<T, R>(
  items: Iterable<T>,
  ask: (item: T) => Operation<R>,
  answers: Channel<Answer<T, R>>,
  { width, timeoutUsec }: FanOutOptions,
): Operation<void> {
  const slots = new Semaphore(width);
  yield* scope(function* (questions) {
    for (const item of items) {
      const slot = yield* slots.acquire();
      questions.spawn(function* () {
        using _slot = slot;
        yield* answers.push(yield* answerTo(item, () => withTimeout(timeoutUsec, () => ask(item))));
      });
    }
  });
  answers.close();
}

function* answerTo<T, R>(item: T, ask: () => Operation<R>): Operation<Answer<T, R>> {
  try {
    return { item, value: yield* ask() };
  } catch (error) {
    // A cancellation is no answer; a deadline of somebody outside reaches this fiber as one.
    if (error instanceof CancelledError) throw error;
    return { item, error };
  }
}

/** Says of each address, `host:port`, whether somebody listens there. */
export function* checkServices(addresses: readonly string[], options: FanOutOptions, say: (line: string) => void): Operation<void> {
  const tellAll = function* (answers: Receiver<Answer<string, void>>) {
    for (let answer; (answer = yield* answers.next()) !== undefined;) {
      say("error" in answer ? `${answer.item} is down: ${(answer.error as Error).message}` : `${answer.item} is up`);
    }
  };
  yield* fanOut(addresses, knock, tellAll, options);
}

function* knock(address: string): Operation<void> {
  const colon = address.lastIndexOf(":");
  using _connection = yield* connect({ hostname: address.slice(0, colon), port: Number(address.slice(colon + 1)) });
}

if (import.meta.main) {
  Deno.exit(await main(() => checkServices(Deno.args, { width: 16, timeoutUsec: sec(2) }, console.log)));
}
