/**
 * The table in `docs/cancellation.md` names every operation, and nothing else.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { exportedOperations } from "./_operations.ts";

/** What a page's table says wrongly or leaves out of these operations. */
function complaintsOf(page: string, operations: readonly string[]): string[] {
  const rows = page.split("\n").filter((line) => line.startsWith("| `")).map((line) =>
    line.split("|").slice(1, -1).map((cell) => cell.trim())
  );
  const named = rows.flatMap(([first]) => [...first.matchAll(/`([\w.]+)`/g)].map(([, name]) => name));
  return [
    ...rows.filter((row) => row.length !== 4 || row.includes("")).map(([first]) => `${first} must have something in each of four columns`),
    ...operations.filter((name) => !named.includes(name)).map((name) => `${name} must be in the table`),
    ...named.filter((name) => !operations.includes(name)).map((name) => `${name} must not be in the table: it does not exist`),
    ...named.filter((name, index) => named.indexOf(name) !== index).map((name) => `${name} must be in the table once`),
  ];
}

Deno.test("The check of the operations' table can fail", () => {
  const page = [
    "| operation | it suspends | if it is interrupted | order |",
    "| --- | --- | --- | --- |",
    "| `sleep`, `Connection.read` | always | nothing | as they came |",
    "| `nap` (`yield* nap`) | never | nothing | - |",
    "| `sleep` | always |  | - |",
  ].join("\n");
  assertEquals(complaintsOf(page, ["sleep", "Connection.read", "suspend"]), [
    "`sleep` must have something in each of four columns",
    "suspend must be in the table",
    "nap must not be in the table: it does not exist",
    "sleep must be in the table once",
  ]);
});

Deno.test("docs/cancellation.md says of every operation what an interruption does to it", async () => {
  const operations = await exportedOperations();
  for (const name of ["sleep", "Connection.read", "readExact", "Future"]) assert(operations.includes(name), name);
  for (const name of ["run", "Connection.close", "Fiber", "Resolver.resolve"]) assert(!operations.includes(name), name);
  const page = await Deno.readTextFile(new URL("../docs/cancellation.md", import.meta.url));
  assertEquals(complaintsOf(page, operations), []);
});
