/**
 * What a driven loop keeps alive, and that nothing does when its promise has settled.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { freshPlace } from "./_program.ts";

const program = new URL("fixtures/drive.ts", import.meta.url).pathname;

/** What the program prints and how it ends. It is killed when it does not end. */
async function drive(way: string, flags: readonly string[]): Promise<{ code: number; printed: string; complaints: string }> {
  using place = freshPlace();
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", ...flags, program, way, place.directory],
    signal: AbortSignal.timeout(30_000),
  }).output();
  const [printed, complaints] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trim());
  return { code, printed, complaints };
}

const moreFlags: Readonly<Record<string, readonly string[]>> = {
  signal: ["--allow-run"],
  child: ["--allow-run"],
  files: ["--allow-read", "--allow-write"],
};

for (
  const [way, title, printed] of [
    ["nothing", "A loop that nobody drives", "undefined"],
    ["timer", "A loop that waits for its own timer until it exits", "3"],
    ["run", "A loop that was run and has sources left", "[false,false]"],
    ["wait", "A wait that a byte has ended", "true"],
    ["exit", "A loop that host code asked for exit", "4"],
    ["promise", "A loop that a promise of the host has woken", "5"],
    ["signal", "A loop that a signal has ended", "0"],
    ["child", "A loop with a child that talks and lives on", "7"],
    ["files", "A loop with a directory that it watches", "8"],
    ["failure", "A loop whose second driver was refused", `["EBUSY",6]`],
  ]
) {
  for (const [kernel, ownFlags] of [["linux", ["--allow-ffi"]], ["portable", []]] as const) {
    const flags = [...ownFlags, ...moreFlags[way] ?? []];
    Deno.test(`${title} lives as long as it must, and keeps nothing alive afterwards (${kernel})`, async () => {
      assertEquals(await drive(way, flags), { code: 0, printed: `${kernel} ${printed}`, complaints: "" });
    });
  }
}
