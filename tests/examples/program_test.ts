import { assert, assertEquals } from "@std/assert";
import { ownFlags } from "./_program.ts";

const examples = new URL("../../examples/", import.meta.url);

Deno.test("Each example that is a program names the flags that it needs in its first line", () => {
  const files = ["", "patterns/"].flatMap((folder) => [...Deno.readDirSync(new URL(folder, examples))].map(({ name }) => folder + name));
  const programs = files.filter((file) => file.endsWith(".ts") && /\bDeno\.exit\(/.test(Deno.readTextFileSync(new URL(file, examples))));
  assert(programs.includes("echo.ts") && programs.length > 5);
  for (const file of programs) assertEquals(ownFlags(file).filter((flag) => !flag.startsWith("--")), []);
});
