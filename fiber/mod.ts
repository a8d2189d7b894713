/**
 * Fibers: straight-line code over the loop.
 *
 * @module
 */

export { Fiber, type FiberOptions, type FiberStatus, spawn } from "./fiber.ts";
export { run } from "./run.ts";
export { main, type MainOptions } from "./main.ts";
export { sleep } from "./sleep.ts";
export { suspend } from "./suspend.ts";
export { yieldNow } from "./yield_now.ts";
export { settled } from "./settled.ts";
export { until } from "./until.ts";
export { cancelWait } from "./cancel_wait.ts";
export { checkInterrupted, isInterruption } from "./interruption.ts";
export { shield } from "./shield.ts";
export { TimeoutError, TimeoutScope, timeoutScope, withTimeout } from "./timeout_scope.ts";
export { all, race, type Scope, scope } from "./scope.ts";
