/**
 * Makes what the compiler and the bundler have put into `npm/dist/` a package for npm: gives it its entries, its `package.json`, after
 * `deno.json`, and the documents. All code is in one file, since a host loads one file in a fraction of the time that it takes for two
 * hundred; the types stay in many. The compiler does not rewrite imports in the types; this does.
 *
 * @module
 */

const root = new URL("../", import.meta.url);
const dist = new URL("dist/", import.meta.url);

/** The one file with the code. `fiber/user_stack.ts` knows it by this name. */
const bundle = "sd_fibers.js";

interface Config {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly exports: Readonly<Record<string, string>>;
}

/** In one folder, and in those in it: takes out the code, which is in the bundle, and lets the types import each other by their names there. */
function leaveTypes(folder: URL): void {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const file = new URL(name, folder);
    if (isDirectory) leaveTypes(new URL(`${name}/`, folder));
    else if (name.endsWith(".d.ts")) {
      Deno.writeTextFileSync(file, Deno.readTextFileSync(file).replaceAll(/(["'])(\.\.?\/[^"']*)\.ts\1/g, "$1$2.js$1"));
    } else if (name !== bundle) Deno.removeSync(file);
  }
}

/**
 * Puts the kernels that a program on Linux does not use into functions, which are called when somebody wants one: JavaScript has no way to load a file
 * late that does not wait, but what stands in a function that nobody has called is neither evaluated nor taken out of the engine's cache. The rest of
 * the bundle knows these kernels by the two functions that make one, and they use nothing but what stands at its beginning; `tests/house_test.ts`
 * sees to that.
 */
function setKernelsAside(): void {
  const file = new URL(bundle, dist);
  const parts = Deno.readTextFileSync(file).split(/^(?=\/\/ npm\/dist\/|export \{$)/m);
  const exportList = parts.pop();
  const portable = parts.filter((part) => /^\/\/ npm\/dist\/event\/kernel\/(?:emulated|portable)\//.test(part));
  const simulated = parts.filter((part) => part.startsWith("// npm/dist/event/kernel/simulated/"));
  for (const [name, own] of [["portableKernel", portable], ["simulatedKernel", simulated]] as const) {
    if (!own.at(-1)?.includes(`\nfunction ${name}(`)) {
      throw new Error(`Cannot set '${name}' aside: the bundle has it elsewhere, or calls it otherwise`);
    }
  }
  const others = parts.filter((part) => !portable.includes(part) && !simulated.includes(part));
  const aside = `// Kernels that are made when somebody wants one
var kernels;
function portableKernel() {
  return (kernels ??= makeKernels()).portableKernel();
}
function simulatedKernel(options) {
  return (kernels ??= makeKernels()).simulatedKernel(options);
}
function makeKernels() {
${portable.join("")}
var simulation;
return { portableKernel, simulatedKernel: (options) => (simulation ??= makeSimulation())(options) };
function makeSimulation() {
${simulated.join("")}
return simulatedKernel;
}
}

`;
  Deno.writeTextFileSync(file, [...others, aside, exportList].join(""));
}

/** The bundler lets some classes call themselves otherwise than they are exported: gives them their names back. */
async function restoreNames(): Promise<void> {
  const file = new URL(bundle, dist);
  const text = Deno.readTextFileSync(file);
  const exportList = text.slice(text.lastIndexOf("\nexport {"));
  const exported: Record<string, unknown> = await import(file.href);
  const wrong = Object.entries(exported).filter(([name, value]) => typeof value === "function" && value.name !== name);
  const pairs = wrong.map(([name]) => `[${new RegExp(`(\\w+) as ${name}\\b`).exec(exportList)?.[1] ?? name}, "${name}"]`);
  const loop = `for (const [value, name] of [${
    pairs.join(", ")
  }]) Object.defineProperty(value, "name", { value: name, configurable: true });`;
  Deno.writeTextFileSync(file, `${text}${loop}\n`);
}

/** An entry that passes on its part of the bundle, so that what two entries have in common is the same. */
async function writeEntry(path: string): Promise<void> {
  const names = Object.keys(await import(new URL(path, root).href));
  const code = `export { ${names.join(", ")} } from "${"../".repeat(path.split("/").length - 2)}${bundle}";\n`;
  Deno.writeTextFileSync(new URL(javaScriptOf(path), dist), code);
}

function javaScriptOf(path: string): string {
  return path.replace(/\.ts$/, ".js");
}

/** The `package.json`. */
function packageOf({ name, version, license }: Config, entries: readonly [entry: string, path: string][]): unknown {
  const exports = entries.map(([entry, path]) => {
    return [entry, { types: path.replace(/\.ts$/, ".d.ts"), default: entry === "." ? `./${bundle}` : javaScriptOf(path) }];
  });
  return { name, version, license, type: "module", engines: { node: ">=20" }, exports: Object.fromEntries(exports) };
}

leaveTypes(dist);
const config: Config = JSON.parse(Deno.readTextFileSync(new URL("deno.json", root)));
// What is for Deno's linter stays out.
const entries = Object.entries(config.exports).filter(([entry]) => entry !== "./lint");
setKernelsAside();
await restoreNames();
for (const [entry, path] of entries) if (entry !== ".") await writeEntry(path);
Deno.writeTextFileSync(new URL("package.json", dist), `${JSON.stringify(packageOf(config, entries), undefined, 2)}\n`);
for (const name of ["README.md", "CHANGELOG.md", "LICENSE"]) Deno.copyFileSync(new URL(name, root), new URL(name, dist));
