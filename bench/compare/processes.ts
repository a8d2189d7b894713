/**
 * The programs that a comparison starts.
 *
 * @module
 */

/** Runs a program to its end: what it wrote. What it complains of is shown. */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: { env?: Record<string, string> } = {},
): Promise<string> {
  const { success, code, stdout } = await new Deno.Command(command, { args: [...args], stderr: "inherit", ...options }).output();
  if (!success) throw new Error(`Cannot run '${[command, ...args].join(" ")}': it ended with ${code}`);
  return new TextDecoder().decode(stdout);
}

/** The path of a file of this folder. */
export function pathOf(file: string): string {
  return new URL(file, import.meta.url).pathname;
}

/** The arguments that make Deno run a script of this folder. */
export function scriptArgs(script: string, ...args: string[]): string[] {
  return ["run", "--no-prompt", "--allow-all", "--no-check", "--v8-flags=--expose-gc", pathOf(script), ...args];
}
