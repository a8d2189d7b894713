/**
 * An event loop and fibers for daemons: one prioritised queue over descriptors, timers, signals, child processes, files and memory
 * pressure, and each request as straight-line code that `finally`, `using` and cancellation unwind.
 *
 * Everything is here. `@sd/fibers/event`, `@sd/fibers/future` and `@sd/fibers/fiber` are the three floors one by one, and
 * `@sd/fibers/io` holds the calls on bare descriptors.
 *
 * @module
 */

export * from "./event/mod.ts";
export * from "./future/mod.ts";
export * from "./fiber/mod.ts";
export * from "./fiber/io.ts";
