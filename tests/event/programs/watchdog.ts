/** Turns the watchdog on and waits, busily if told to, until it is killed. */

import { EventLoop } from "@sd/fibers";

const loop = new EventLoop();
loop.setWatchdog(true);
// The only thing that the kernel could feed the loop with is the watchdog.
if (Deno.args[0] === "busy") loop.addDefer(() => {}, { enabled: "on" });
if (Deno.args[1] === "sync") loop.loopSync();
else await loop.loop();
