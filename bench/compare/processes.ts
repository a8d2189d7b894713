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

const flags = ["run", "--no-prompt", "--allow-all", "--no-check", "--v8-flags=--expose-gc"];

/** The arguments that make Deno run a script of this folder. */
export function scriptArgs(script: string, ...args: string[]): string[] {
  return [...flags, pathOf(script), ...args];
}

/** The same with this package as npm gets it, in one file. */
export function scriptArgsWithPackage(script: string, ...args: string[]): string[] {
  return [...flags, "--no-config", `--import-map=${pathOf("package_import_map.json")}`, pathOf(script), ...args];
}

/** The same with the libraries of npm, which have a lock of their own: nothing else needs them. */
export function scriptArgsWithLibraries(script: string, ...args: string[]): string[] {
  const folder = pathOf("libraries/");
  return [...flags, "--no-config", `--import-map=${folder}import_map.json`, `--lock=${folder}deno.lock`, pathOf(script), ...args];
}
