/**
 * Child sources on the Linux kernel: what a child wrote right before its end, a thousand times.
 *
 * @module
 */

import { ChildEvent, EventLoop, IoEvent, linuxKernel, sec } from "@sd/fibers";
import { assert, assertEquals } from "@std/assert";

const { EXITED, STOPPED } = ChildEvent;
const kernel = linuxKernel();
const buffer = new Uint8Array(100);
/** As many of them run at the same time. */
const together = 10;
const rounds = 100;

/** Starts one that writes two words and ends; its output is more important than its end. What it came to is told once. */
function startEcho(loop: EventLoop, events: number, tell: (readBytes: number) => void): void {
  const nothing = { cwd: undefined, env: {}, clearEnv: false, stdin: "null", stderr: "null", processGroup: false } as const;
  const child = kernel.spawn({ command: "/bin/echo", args: ["last words"], stdout: "piped", ...nothing });
  assert(typeof child === "object");
  let readBytes = 0;
  const output = loop.addIo(child.stdout, IoEvent.IN, () => {
    const count = kernel.tryRead(child.stdout, buffer);
    if (count > 0) readBytes += count;
    else output.enabled = "off";
  }, { priority: -1, ownsFd: true });
  const source = loop.addChild({ pidfd: child.handle }, events, ({ code, status }) => {
    assertEquals([code, status], ["exited", 0]);
    tell(readBytes);
    output[Symbol.dispose]();
    source[Symbol.dispose]();
  }, { ownsPidfd: true });
}

for (const polling of ["batch", "every"] as const) {
  for (const [events, name] of [[EXITED, "for its exit alone"], [EXITED | STOPPED, "for its stops too"]] as const) {
    Deno.test(`What a child wrote comes before its end, a thousand times, where one waits ${name} (${polling})`, () => {
      const errors: unknown[] = [];
      using loop = new EventLoop({ polling, onError: (error) => errors.push(error) });
      // An end that is missed would block the thread for ever.
      loop.addTimeRelative("monotonic", sec(120), () => void errors.push("An end is missed"));
      const told: number[] = [];
      for (let round = 1; round <= rounds; round++) {
        for (let i = 0; i < together; i++) startEcho(loop, events, (readBytes) => told.push(readBytes));
        while (told.length < round * together && errors.length === 0) loop.runSync();
      }
      assertEquals(errors, []);
      assertEquals([told.length, told.filter((count) => count !== "last words\n".length)], [rounds * together, []]);
    });
  }
}
