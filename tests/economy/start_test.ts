/**
 * What a program pays for before its first dispatch: the host loads most of itself when somebody first touches it, and an error that a module
 * makes has the engine parse that module again. Each function of libc that is opened takes its time too, those that are compiled most of all.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { libcPlaces } from "../../event/kernel/linux/libc.ts";

async function start(flags: readonly string[]): Promise<unknown> {
  const program = new URL("programs/start.ts", import.meta.url).pathname;
  const args = ["run", "--no-prompt", "--quiet", "--no-check", ...flags, program];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args, stderr: "inherit" }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("A first dispatch on Linux touches nothing of the host that has to be loaded, opens no more of libc than it needs, and makes no error", async () => {
  assertEquals(await start([`--allow-ffi=${libcPlaces()}`]), { kernel: "linux", code: 7, touched: [], functionsOpened: 11 });
});

Deno.test("A first dispatch on the portable kernel touches nothing of the host that has to be loaded, and needs no permission", async () => {
  assertEquals(await start([]), { kernel: "portable", code: 7, touched: [], functionsOpened: 0 });
});
