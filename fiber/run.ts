/**
 * Running a fiber from the outside, for scripts and tests.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import { coreOf, EventLoop } from "../event/event_loop.ts";
import type { LoopCore } from "../event/loop_core.ts";
import { requireOptions } from "../event/validate.ts";
import { FINISHED, INITIAL } from "../event/loop_state.ts";
import { UNRESOLVED } from "../future/future_core.ts";
import type { Operation } from "../future/operation.ts";
import { Slot } from "../future/slot.ts";
import { type FiberOptions, spawnCore } from "./fiber.ts";
import { rootOf } from "./family.ts";
import type { FiberCore } from "./fiber_core.ts";
import { withResolvers } from "../event/with_resolvers.ts";

/** No group: who gets the value is whoever awaits it. */
const runOptions: readonly string[] = ["loop", "name", "priority", "floating", "signal", "onDestroy"];

/**
 * Runs the body on a fiber and drives the loop, unless somebody does, until it has ended. For scripts and tests.
 *
 * @typeParam T What the body returns.
 * @param options As of `spawn`. Without a loop: the default loop.
 * @returns What the body returns; rejects with what it throws.
 * @throws {SystemError} As `spawn`; EBUSY when the loop is being driven by hand or blocks the thread; rejects with them.
 *
 * @example A script
 * ```ts
 * import { msec, run, sleep } from "@sd/fibers";
 *
 * await run(function* () {
 *   yield* sleep(msec(1));
 * });
 * ```
 */
export async function run<T>(body: () => Operation<T>, options: Omit<FiberOptions, "group"> = {}): Promise<T> {
  requireOptions(options, runOptions, "run a fiber");
  const core = coreOf(options.loop ?? EventLoop.default());
  const fiber = spawnCore(core, body, rootOf(core), options);
  fiber.observed = true;
  await driveUntilEnded(core, fiber);
  if (fiber.state === UNRESOLVED) throw new SystemError("ECANCELED", `Fiber '${fiber.name}' has not ended with its loop`);
  return fiber.result() as T;
}

/** Drives the loop as long as nobody else does. */
async function driveUntilEnded(core: LoopCore, fiber: FiberCore): Promise<void> {
  const ended = () => fiber.state !== UNRESOLVED;
  while (!ended() && core.state !== FINISHED) {
    if (core.driven) await driverOrEnd(core, fiber);
    else {
      core.require(INITIAL, "drive");
      await core.driver.drive(() => core.driver.loop(ended));
    }
  }
}

/** Until the fiber has ended, or whoever drives the loop lets go of it. */
function driverOrEnd(core: LoopCore, fiber: FiberCore): Promise<void> {
  const { promise, resolve } = withResolvers<void>();
  const slot = new Slot(fiber, resolve);
  core.driver.released.push(() => {
    slot.remove();
    resolve();
  });
  return promise;
}
