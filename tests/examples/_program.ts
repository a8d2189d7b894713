/**
 * The examples as programs, with no permission but those that are named.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";

const examples = new URL("../../examples/", import.meta.url);

/** The flags in the first line of an example: what it needs on the portable kernel. */
export function ownFlags(file: string): string[] {
  const [firstLine] = Deno.readTextFileSync(new URL(file, examples)).split("\n", 1);
  const line = /^#!\/usr\/bin\/env -S deno run\b(.*)$/.exec(firstLine);
  assert(line !== null, `${file} does not name its flags in the first line`);
  return line[1].split(" ").filter((flag) => flag !== "");
}

/** Runs an example: the lines that it prints, once it has ended well and complained of nothing. */
export async function programOutput(file: string, flags: readonly string[], ...args: string[]): Promise<string[]> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", ...flags, new URL(file, examples).pathname, ...args],
    stdin: "null",
    env: { NO_COLOR: "1" },
  });
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  assertEquals({ code, stderr: decoder.decode(stderr) }, { code: 0, stderr: "" });
  return decoder.decode(stdout).trimEnd().split("\n");
}
