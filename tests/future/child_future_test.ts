/**
 * Futures of a child process, of the simulated kernel.
 *
 * @module
 */

import { assertEquals, assertInstanceOf } from "@std/assert";
import { spy } from "@std/testing/mock";
import {
  CancelledError,
  cancelWait,
  ChildEvent,
  ChildFuture,
  childFuture,
  msec,
  type Operation,
  sec,
  sleep,
  type SystemError,
  withTimeout,
} from "@sd/fibers";
import { Errno } from "../../event/errno.ts";
import { codeOf, errorOf, simulated, type Simulation } from "../_simulation.ts";
import { type StartedProcess, startProgram } from "./_programs.ts";

const SIGKILL = 9;
const SIGTERM = 15;

/** A process that notes the signals that it gets, and does with them what `onSignal` does. */
function startNoting(world: Simulation, onSignal: (exit: () => void, signal: number) => void = () => {}): {
  process: StartedProcess;
  signals: number[];
  exit: (code: number) => void;
} {
  const signals: number[] = [];
  let exit: (code: number) => void = () => {};
  const process = startProgram(world.kernel, (script) => {
    exit = (code) => script.exit(code);
    script.onSignal = (signal) => {
      signals.push(signal);
      onSignal(() => script.exit(0), signal);
    };
  });
  world.kernel.advance(0);
  return { process, signals, exit: (code) => exit(code) };
}

Deno.test(
  "childFuture() is fulfilled with what became of the process, which is reaped",
  simulated((world) => {
    const process = startProgram(world.kernel, (script) => world.kernel.after(100, () => script.exit(3)));
    const future = childFuture(world.loop, process.pid);
    assertEquals([world.settle(), future.state], [0, "pending"]);
    world.pass(100);
    const { pid, code, status } = future.result();
    assertEquals({ pid, code, status }, { pid: process.pid, code: "exited", status: 3 });
    assertEquals([future.info(), process.isThere], [future.result(), false]);
    process.end();
  }),
);

Deno.test(
  "childFuture() takes a pidfd, which stays the caller's",
  simulated((world) => {
    const process = startProgram(world.kernel, (script) => script.exit(0));
    const future = childFuture(world.loop, { pidfd: process.pidfd });
    world.settle();
    assertEquals(future.result().code, "exited");
    process.end();
  }),
);

Deno.test(
  "childFuture() tells a death by a signal",
  simulated((world) => {
    const process = startProgram(world.kernel, () => {});
    const future = childFuture(world.loop, process.pid);
    world.kernel.signalProcess(process.pidfd, SIGKILL, undefined);
    world.settle();
    assertEquals([future.result().code, future.result().status], ["killed", SIGKILL]);
    process.end();
  }),
);

Deno.test(
  "childFuture() waits for the events that it is asked for",
  simulated((world) => {
    const process = startProgram(world.kernel, (script) => script.stop());
    const stopped = childFuture(world.loop, process.pid, ChildEvent.STOPPED);
    world.settle();
    assertEquals([stopped.result().code, process.isThere], ["stopped", true]);
    process.end();
  }),
);

Deno.test(
  "childFuture() with NOWAIT leaves the dead process to be reaped",
  simulated((world) => {
    const process = startProgram(world.kernel, (script) => script.exit(1));
    const future = childFuture(world.loop, process.pid, ChildEvent.EXITED | ChildEvent.NOWAIT);
    world.settle();
    assertEquals([future.result().status, process.isThere], [1, true]);
    process.end();
  }),
);

Deno.test(
  "childFuture() refuses what it cannot wait for, and leaves nothing behind",
  simulated((world) => {
    const { kernel, loop } = world;
    const process = startProgram(kernel, () => {});
    const { reader, writer } = kernel.pipe();
    const before = kernel.leaks();
    assertEquals(codeOf(() => childFuture(loop, 0)), "EINVAL");
    assertEquals(codeOf(() => childFuture(loop, process.pid, 0)), "EINVAL");
    assertEquals(codeOf(() => childFuture(loop, process.pid, ChildEvent.NOWAIT)), "EINVAL");
    assertEquals(codeOf(() => childFuture(loop, 99_999)), "ESRCH");
    assertEquals(codeOf(() => childFuture(loop, { pidfd: -1 })), "EBADF");
    assertEquals(codeOf(() => childFuture(loop, { pidfd: reader })), "ENOTTY");
    assertEquals(kernel.leaks(), before);
    const future = childFuture(loop, process.pid);
    assertEquals(codeOf(() => childFuture(loop, process.pid)), "EBUSY");
    future.cancel();
    kernel.close(reader);
    kernel.close(writer);
    process.end();
  }),
);

Deno.test("A child future cannot be made by new", () => {
  class Mine extends ChildFuture {
    constructor() {
      super({});
    }
  }
  const error = errorOf(() => new Mine());
  assertEquals([error.code, error.message], ["EINVAL", "Cannot make a ChildFuture by new: use childFuture()"]);
});

Deno.test(
  "ChildFuture.info() is EAGAIN while pending, and the outcome's error where the process never reported",
  simulated((world) => {
    const process = startProgram(world.kernel, () => {});
    const future = childFuture(world.loop, process.pid);
    assertEquals(codeOf(() => future.info()), "EAGAIN");
    future.cancel("why");
    const error = errorOf(() => future.info());
    assertInstanceOf(error, CancelledError);
    assertEquals(error.reason, "why");
    process.end();
  }),
);

Deno.test(
  "A child future that does not own its process stops watching at once: the process goes on, and can be watched again",
  simulated((world) => {
    const { process, signals } = startNoting(world);
    const future = childFuture(world.loop, process.pid);
    assertEquals([future.ownsProcess, future.cancel(), future.state], [false, true, "resolved"]);
    const again = childFuture(world.loop, process.pid);
    world.pass(sec(200));
    assertEquals([signals, process.isThere, again.state], [[], true, "pending"]);
    again.cancel();
    process.end();
  }),
);

Deno.test(
  "ChildFuture.ownsProcess is EINVAL where anything but the plain exit is waited for; turning it off never is",
  simulated((world) => {
    const process = startProgram(world.kernel, () => {});
    const { EXITED, STOPPED, CONTINUED, NOWAIT } = ChildEvent;
    for (const events of [EXITED | STOPPED, STOPPED, EXITED | CONTINUED, EXITED | NOWAIT]) {
      const future = childFuture(world.loop, process.pid, events);
      assertEquals(codeOf(() => future.ownsProcess = true), "EINVAL");
      future.ownsProcess = false;
      assertEquals(future.ownsProcess, false);
      future.cancel();
    }
    process.end();
  }),
);

/** A future that owns its process. */
function owning(world: Simulation, process: StartedProcess): ChildFuture {
  const future = childFuture(world.loop, process.pid);
  future.ownsProcess = true;
  return future;
}

Deno.test(
  "An owned process that is cancelled gets SIGTERM, and the future resolves when it has gone, with ECANCELED and the information",
  simulated((world) => {
    const { process, signals } = startNoting(world, (exit) => exit());
    const future = owning(world, process);
    assertEquals([future.cancel("why"), future.state], [true, "pending"]);
    world.settle();
    assertEquals(signals, [SIGTERM]);
    const error = errorOf(() => future.result());
    assertInstanceOf(error, CancelledError);
    assertEquals([error.reason, future.info().code, process.isThere], ["why", "exited", false]);
    // The kill timer has gone with it.
    world.loop.exitOnIdle = true;
    world.settle();
    assertEquals([world.loop.state, signals], ["finished", [SIGTERM]]);
    process.end();
  }),
);

Deno.test(
  "An owned process that ends by itself fulfils the future",
  simulated((world) => {
    const { process, exit } = startNoting(world);
    const future = owning(world, process);
    exit(4);
    world.settle();
    assertEquals(future.result().status, 4);
    process.end();
  }),
);

Deno.test(
  "A stubborn owned process gets SIGKILL after killTimeout, 90 seconds by default",
  simulated((world) => {
    const { process, signals } = startNoting(world);
    const future = owning(world, process);
    assertEquals(future.killTimeout, sec(90));
    future.cancel();
    world.pass(sec(90) - 1);
    assertEquals([signals, future.state], [[SIGTERM], "pending"]);
    world.pass(1);
    assertEquals([signals, future.info().code, future.info().status], [[SIGTERM], "killed", SIGKILL]);
    assertEquals(codeOf(() => future.result()), "ECANCELED");
    process.end();
  }),
);

Deno.test(
  "A stubborn owned process gets SIGKILL at the second cancel, and the kill timer is dropped",
  simulated((world) => {
    const { process, signals } = startNoting(world);
    const future = owning(world, process);
    future.cancel("first");
    world.settle();
    assertEquals([signals, future.state], [[SIGTERM], "pending"]);
    const sent = spy(world.kernel, "signalProcess");
    future.cancel("second");
    assertEquals(future.state, "pending");
    future.cancel("third");
    world.settle();
    assertEquals(sent.calls.map(({ args }) => args[1]), [SIGKILL]);
    sent.restore();
    assertEquals([future.info().status, (errorOf(() => future.result()) as CancelledError).reason], [SIGKILL, "first"]);
    world.pass(sec(100));
    process.end();
  }),
);

Deno.test(
  "ChildFuture.killTimeout takes effect with the next cancel; Infinity sets no timer",
  simulated((world) => {
    const { process, signals } = startNoting(world);
    const future = owning(world, process);
    assertEquals(codeOf(() => future.killTimeout = -1), "EINVAL");
    future.killTimeout = Infinity;
    future.cancel();
    world.pass(sec(100_000));
    assertEquals([signals, future.state], [[SIGTERM], "pending"]);
    future.cancel();
    world.settle();
    assertEquals(future.info().status, SIGKILL);
    process.end();
  }),
);

Deno.test(
  "ChildFuture.killTimeout of 0 kills in the next ticks, not inline",
  simulated((world) => {
    const { process } = startNoting(world);
    const future = owning(world, process);
    future.killTimeout = 0;
    future.cancel();
    assertEquals(future.state, "pending");
    world.pass(1);
    assertEquals(future.info().status, SIGKILL);
    process.end();
  }),
);

Deno.test(
  "An owned process that went before the signal came is reported as cancelled, with the information",
  simulated((world) => {
    const { process, exit } = startNoting(world);
    const future = owning(world, process);
    exit(7);
    future.cancel();
    world.settle();
    assertEquals([codeOf(() => future.result()), future.info().status], ["ECANCELED", 7]);
    world.pass(sec(100));
    process.end();
  }),
);

Deno.test(
  "An owned process whose signal finds nobody is waited for without a kill timer, and is reported as cancelled",
  simulated((world) => {
    const { process, exit } = startNoting(world);
    const future = owning(world, process);
    const signalProcess = world.kernel.signalProcess;
    let sent = 0;
    world.kernel.signalProcess = () => {
      sent++;
      return -Errno.ESRCH;
    };
    future.cancel("why");
    world.pass(sec(100));
    assertEquals([future.state, sent], ["pending", 1]);
    future.cancel();
    future.cancel();
    assertEquals([future.state, sent], ["pending", 2]);
    world.kernel.signalProcess = signalProcess;
    exit(7);
    world.settle();
    assertEquals([(errorOf(() => future.result()) as CancelledError).reason, future.info().status], ["why", 7]);
    process.end();
  }),
);

Deno.test(
  "An owned process that cannot be signalled does not hang whoever waits: the future rejects with that error",
  simulated((world) => {
    const { process } = startNoting(world);
    const future = owning(world, process);
    const signalProcess = world.kernel.signalProcess;
    world.kernel.signalProcess = () => -Errno.EPERM;
    assertEquals(codeOf(() => future.cancel()), "EPERM");
    assertEquals([future.state, codeOf(() => future.result()), codeOf(() => future.info())], ["resolved", "EPERM", "EPERM"]);
    world.kernel.signalProcess = signalProcess;
    // It is watched no more: another wait for it may begin.
    const again = childFuture(world.loop, process.pid);
    assertEquals(again.state, "pending");
    again.cancel();
    process.end();
  }),
);

Deno.test(
  "An owned process that cannot be signalled is told of where nobody looks at its future",
  simulated((world) => {
    const { process } = startNoting(world);
    const signalProcess = world.kernel.signalProcess;
    world.kernel.signalProcess = () => -Errno.EPERM;
    world.spawn(function* maker() {
      assertEquals(codeOf(() => owning(world, process).cancel()), "EPERM");
      yield* sleep(0);
    });
    world.settle();
    assertEquals(world.takeReports().map(({ error, origin }) => [(error as SystemError).code, origin.name]), [["EPERM", "child of maker"]]);
    world.kernel.signalProcess = signalProcess;
    process.end();
  }),
);

Deno.test(
  "An owned process that was sent SIGKILL is sent nothing more, however long it takes to go and however often it is cancelled",
  simulated((world) => {
    const { process, exit } = startNoting(world);
    const future = owning(world, process);
    const signalProcess = world.kernel.signalProcess;
    const sent: number[] = [];
    world.kernel.signalProcess = (_handle, signal) => {
      sent.push(signal);
      return 0;
    };
    for (let cancels = 0; cancels < 3; cancels++) future.cancel();
    world.pass(sec(200));
    future.cancel();
    assertEquals([sent, future.state], [[SIGTERM, SIGKILL], "pending"]);
    world.kernel.signalProcess = signalProcess;
    exit(0);
    world.settle();
    assertEquals(codeOf(() => future.result()), "ECANCELED");
    process.end();
  }),
);

Deno.test(
  "ChildFuture.setPriority() is that of the process source",
  simulated((world) => {
    const children = ["first", "second"].map(() => startNoting(world));
    const futures = children.map(({ process }) => childFuture(world.loop, process.pid));
    futures[1].setPriority(-1);
    for (const { exit } of children) exit(0);
    world.tick();
    assertEquals(futures.map(({ state }) => state), ["pending", "resolved"]);
    world.tick();
    assertEquals(futures.map(({ state }) => state), ["resolved", "resolved"]);
    for (const { process } of children) process.end();
  }),
);

Deno.test(
  "ChildFuture.setPriority() is that of the kill timer, too",
  simulated((world) => {
    const order: string[] = [];
    const stubborn = startNoting(world);
    const other = startNoting(world);
    const futures = [owning(world, stubborn.process), childFuture(world.loop, other.process.pid)];
    futures[0].killTimeout = 10;
    futures[0].cancel();
    futures[0].setPriority(1);
    world.loop.addTimeRelative("monotonic", 10, () => void order.push("timer at 0"), { accuracy: 1 });
    world.kernel.signalProcess = ((original) => (handle: number, signal: number, value: number | undefined) => {
      if (signal === SIGKILL) order.push("kill timer at 1");
      return original.call(world.kernel, handle, signal, value);
    })(world.kernel.signalProcess);
    world.pass(20);
    assertEquals(order, ["timer at 0", "kill timer at 1"]);
    futures[1].setPriority(-1);
    futures[1].cancel();
    assertEquals(codeOf(() => futures[1].setPriority(0)), "ESTALE");
    stubborn.process.end();
    other.process.end();
  }),
);

Deno.test(
  "cancelWait() of a stubborn process: each interruption of the wait escalates, and the interruption comes afterwards",
  simulated((world) => {
    const { process, signals } = startNoting(world);
    const future = owning(world, process);
    const fiber = world.spawn(function* () {
      yield* cancelWait(future);
      return [future.info().status, yield* interruptionOf(sleep(1))];
    });
    world.settle();
    assertEquals([signals, fiber.status], [[SIGTERM], "suspended"]);
    fiber.cancel();
    world.settle();
    assertEquals(fiber.result(), [SIGKILL, "ECANCELED"]);
    process.end();
  }),
);

Deno.test(
  "cancelWait() of a stubborn process under a deadline: that shortens the grace",
  simulated((world) => {
    const { process } = startNoting(world);
    const future = owning(world, process);
    const start = world.loop.now();
    const [status, took] = world.run(function* () {
      const timedOut = yield* withTimeout(msec(5), function* () {
        yield* cancelWait(future);
        yield* sleep(1);
        return "not interrupted";
      }, function* () {
        return future.info().status;
      });
      return [timedOut, world.loop.now() - start];
    });
    assertEquals([status, took], [SIGKILL, msec(5)]);
    process.end();
  }),
);

/** The code of what interrupts the operation. */
function* interruptionOf(operation: Operation<unknown>): Operation<string> {
  try {
    yield* operation;
    return "nothing";
  } catch (error) {
    return (error as CancelledError).code;
  }
}

Deno.test(
  "An owned process that ends in the exit phase is not reported any more: reap it before",
  simulated((world) => {
    const { process } = startNoting(world, (exit) => exit());
    const future = owning(world, process);
    world.loop.addExit(() => void future.cancel());
    world.exit();
    assertEquals([future.state, process.isThere], ["pending", true]);
    process.end();
  }),
);
