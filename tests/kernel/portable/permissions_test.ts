/**
 * The README's table of what has to be granted: each row is tried with exactly its flags, and without each of them.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { libcPlaces } from "../../../event/kernel/linux/libc.ts";

const readme = Deno.readTextFileSync(new URL("../../../README.md", import.meta.url));
const program = new URL("fixtures/needs.ts", import.meta.url).pathname;

/** What the fixture is asked for and prints, by the row's first cell. */
const rows: Readonly<Record<string, readonly [need: string, printed: string]>> = {
  "everything": ["linux", "linux opened"],
  "timers, promises, fibers and all that they share": ["time", "portable slept"],
  "signals": ["signals", "portable listened"],
  "TCP and TLS": ["tcp", "portable talked"],
  "socket files": ["unix", "portable talked"],
  "processes": ["process", "portable started"],
  "whole files": ["whole", "portable written"],
  "watched files": ["files", "portable watched"],
  "a virtual world": ["simulated", "simulated slept"],
};

/** The README's rows: what is used, and the flags. */
function tableRows(): [use: string, flags: string[]][] {
  const table = readme.slice(readme.indexOf("| to use"), readme.indexOf("The addresses, paths and commands are examples"));
  return table.trim().split("\n").slice(2).map((line) => {
    const [, use, , grant] = line.split("|").map((cell) => cell.trim());
    return [use, [...grant.matchAll(/`([^`]+)`/g)].map(([, flag]) => flag)];
  });
}

/** What the fixture prints with these flags and nothing else. */
async function output(need: string, path: string, flags: readonly string[]): Promise<string> {
  const args = ["run", "--no-prompt", "--no-check", ...flags, program, need, path];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, signal: AbortSignal.timeout(60_000) }).output();
  assertEquals([new TextDecoder().decode(stderr), code], ["", 0]);
  return new TextDecoder().decode(stdout).trim();
}

Deno.test("The README's table has a row for each need that is tried here, and no other", () => {
  assertEquals(tableRows().map(([use]) => use), Object.keys(rows));
});

for (const [use, example] of tableRows()) {
  const [need, printed] = rows[use] ?? [];
  if (need === undefined || printed === undefined) continue; // the test above says so
  Deno.test(`${use} can be used with what the README says, and not with less`, async () => {
    const path = need === "files" ? "/etc" : `/tmp/sd-fibers-${crypto.randomUUID()}`;
    const flags = example.map((flag) => flag.replace(/\/run\/app\.\w+/, path).replace(/^--allow-ffi=.*/, `--allow-ffi=${libcPlaces()}`));
    try {
      assertEquals(await output(need, path, flags), printed);
      for (const flag of flags) {
        const message = await output(need, path, flags.filter((other) => other !== flag));
        assert(message !== printed, `Nobody needs ${flag}`);
        assertStringIncludes(message, flag.replace(/=.*/, ""));
      }
    } finally {
      if (need === "whole") Deno.removeSync(path);
    }
  });
}

Deno.test("portableKernel() can be asked for where Linux is permitted", async () => {
  assertEquals(await output("explicit", "", [`--allow-ffi=${libcPlaces()}`]), "linux portable");
});

Deno.test("A loop that names no kernel takes the portable one where the granted place has no libc", async () => {
  assertEquals(await output("time", "", ["--allow-ffi=/opt/no/libc.so.6"]), "portable slept");
});
