/**
 * One request, made by a future or on a fiber, for tests that compare both with a model.
 *
 * @module
 */

import { assert } from "@std/assert";
import { type Future, type Operation, SystemError } from "@sd/fibers";
import type { Simulation } from "../_simulation.ts";

/** How requests are made. */
export type Way = "future" | "fiber";
export const ways: readonly Way[] = ["future", "fiber"];

/** What has become of a request: it waits, it was given this, or it failed with this code. */
export type Answer = "waits" | { readonly got: unknown } | { readonly code: string };

export interface Asked {
  answer(): Answer;
  cancel(): void;
}

/** Makes the request, and lets the loop come to rest. A request that is refused at once counts as one that failed. */
export function ask(world: Simulation, way: Way, future: () => Future<unknown>, operation: () => Operation<unknown>): Asked {
  const asked = way === "future" ? byFuture(future) : onFiber(world, operation);
  world.settle();
  return asked;
}

function byFuture(make: () => Future<unknown>): Asked {
  let future: Future<unknown>;
  try {
    future = make();
  } catch (error) {
    const answer = failed(error);
    return { answer: () => answer, cancel: () => {} };
  }
  return {
    answer() {
      const { outcome } = future;
      if (outcome === undefined) return "waits";
      return outcome.status === "fulfilled" ? { got: outcome.value } : failed(outcome.reason);
    },
    cancel: () => void future.cancel(),
  };
}

function onFiber(world: Simulation, operation: () => Operation<unknown>): Asked {
  let answer: Answer = "waits";
  const fiber = world.spawn(function* () {
    try {
      answer = { got: yield* operation() };
    } catch (error) {
      answer = failed(error);
    }
  });
  return {
    answer: () => answer,
    cancel() {
      fiber.cancel();
      world.settle();
    },
  };
}

function failed(error: unknown): Answer {
  assert(error instanceof SystemError, String(error));
  return { code: error.code };
}
