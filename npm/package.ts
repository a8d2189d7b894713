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
await restoreNames();
for (const [entry, path] of entries) if (entry !== ".") await writeEntry(path);
Deno.writeTextFileSync(new URL("package.json", dist), `${JSON.stringify(packageOf(config, entries), undefined, 2)}\n`);
for (const name of ["README.md", "CHANGELOG.md", "LICENSE"]) Deno.copyFileSync(new URL(name, root), new URL(name, dist));
