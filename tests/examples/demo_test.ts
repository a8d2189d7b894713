import { assertEquals, assertStringIncludes } from "@std/assert";
import { libcPlaces } from "../../event/kernel/linux/libc.ts";
import { ownFlags, programOutput } from "./_program.ts";

/** How the demo tells of its end, after how many requests were answered in what time. */
async function summary(flags: readonly string[]): Promise<[beginning: string, end: string]> {
  const lines = await programOutput("demo.ts", flags);
  return [lines[0], lines.slice(lines.findIndex((line) => line.includes("the daemon is to end"))).join("\n")];
}

const allServed = ["6000 requests answered in", ", 0 wrong;", "300 of 300 clients were told goodbye", "unwound 300 of 300 fibers"];

Deno.test("The demo runs with the one permission that its first line names: the daemon is a fiber then, and refuses to run commands", async () => {
  const flags = ownFlags("demo.ts");
  assertEquals(flags, ["--allow-net"]);
  const [beginning, end] = await summary(flags);
  assertStringIncludes(beginning, "daemon is a fiber");
  const expected = ["15 commands were refused, --allow-run", "started 0 children and ended 0", "was cancelled"];
  for (const part of [...allServed, ...expected]) assertStringIncludes(end, part);
});

const withProcess = { linux: [`--allow-ffi=${libcPlaces()}`], portable: ["--allow-net", "--allow-run"] };

for (const [kernel, flags] of Object.entries(withProcess)) {
  Deno.test(`The demo starts the daemon as a process where it may (${kernel})`, async () => {
    const [beginning, end] = await summary(flags);
    assertStringIncludes(beginning, "is listening on 127.0.0.1");
    for (const part of [...allServed, "started 15 children and ended 15", "exited with status 0"]) assertStringIncludes(end, part);
    assertEquals(end.includes("refused"), false);
  });
}
