/** Waits for memory pressure and exits with 7. */

import { EventLoop } from "@sd/fibers";

const loop = new EventLoop();
loop.addPressure("memory", () => loop.exit(7));
Deno.exit(await loop.loop());
