/**
 * The fiber that is a program (sd-future, section 17).
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import { coreOf, EventLoop } from "../event/event_loop.ts";
import { Priority } from "../event/flags.ts";
import type { LoopCore } from "../event/loop_core.ts";
import { INITIAL } from "../event/loop_state.ts";
import { requireOptions } from "../event/validate.ts";
import { current } from "../future/current.ts";
import { REJECTED, UNRESOLVED } from "../future/future_core.ts";
import { CancelledError } from "../future/interruption.ts";
import type { Operation } from "../future/operation.ts";
import { spawnCore } from "./fiber.ts";
import { rootOf } from "./family.ts";
import type { FiberCore } from "./fiber_core.ts";

/** How {@linkcode main} runs. */
export interface MainOptions {
  /** Default: the default loop, which is disposed at the end. */
  loop?: EventLoop;
  /**
   * What SIGINT and SIGTERM do. `"cancel"` (default): cancel the body, while the loop still serves its clean-up; a second one exits.
   * `"exit"`: exit the loop at once, so that clean-up gets no input or output any more. `"none"`: nothing is installed.
   */
  signals?: "cancel" | "exit" | "none";
}

/**
 * Runs the body as the main fiber, then exits the loop: all other fibers are cancelled and have ended when this settles.
 *
 * @typeParam T What the body returns; that is not the exit code.
 * @param body Makes the operation that the program is.
 * @returns The exit code: what `exit` was asked for with, if it was, and the body succeeded or was cancelled by that; 0 after a signal, and when the
 * body returns. Rejects with what the body throws otherwise.
 * @throws {SystemError} EBUSY on a fiber, or when the loop is in use; rejects with it.
 *
 * @example A program
 * ```ts ignore
 * import { main, sec, sleep } from "@sd/fibers";
 *
 * Deno.exit(await main(function* () {
 *   yield* sleep(sec(1));
 * }));
 * ```
 */
export async function main<T>(body: () => Operation<T>, options: MainOptions = {}): Promise<number> {
  requireOptions(options, ["loop", "signals"], "run a main fiber");
  const { loop = EventLoop.default(), signals = "cancel" } = options;
  const core = coreOf(loop);
  if (current !== undefined) {
    throw new SystemError("EBUSY", `Cannot run a main fiber from fiber '${current.path}': use spawn(), or loopNested() for another loop`);
  }
  if (core.driven || core.state !== INITIAL) {
    throw new SystemError("EBUSY", `Cannot run a main fiber on loop '${loop.name}': it is in use already`);
  }
  if (!["cancel", "exit", "none"].includes(signals)) {
    throw new SystemError("EINVAL", `Cannot run a main fiber with signals '${signals}': it takes "cancel", "exit" or "none"`);
  }
  let signalled = false;
  const sources: Disposable[] = [];
  using _sources = { [Symbol.dispose]: () => sources.forEach((source) => source[Symbol.dispose]()) };
  for (const name of signals === "none" ? [] : ["SIGINT", "SIGTERM"] as const) {
    sources.push(loop.addSignal(name, () => {
      if (signals === "exit" || signalled) return loop.exit(0);
      signalled = true;
      fiber.cancel(name, name);
    }, { priority: Priority.IMPORTANT }));
  }
  const fiber = spawnCore(core, body, rootOf(core), {});
  fiber.observed = true;
  /** Somebody else asked for exit before the body had ended. */
  let exitWasRequested = false;
  fiber.onDestroy = () => {
    exitWasRequested = core.exitRequested;
    if (!exitWasRequested) core.exit(0);
  };
  try {
    await core.driver.drive(() => core.driver.loop());
  } finally {
    if (options.loop === undefined && core.state !== INITIAL) loop[Symbol.dispose]();
  }
  return exitCodeOf(core, fiber, exitWasRequested || signalled);
}

function exitCodeOf(core: LoopCore, fiber: FiberCore, ended: boolean): number {
  if (fiber.state === UNRESOLVED) throw new SystemError("ECANCELED", `Main fiber '${fiber.name}' has not ended with its loop`);
  const excused = ended && fiber.content instanceof CancelledError;
  if (fiber.state === REJECTED && !excused) throw fiber.content;
  return core.exitCode;
}
