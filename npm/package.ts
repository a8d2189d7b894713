/**
 * Makes what the compiler has put into `npm/dist/` a package for npm: gives it its `package.json`, after `deno.json`, and the documents. The
 * compiler rewrites imports in the code and not in the types; this does.
 *
 * @module
 */

const root = new URL("../", import.meta.url);
const dist = new URL("dist/", import.meta.url);

interface Config {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly exports: Readonly<Record<string, string>>;
}

/** Lets the types of one folder, and of those in it, import each other by the names that they have in the package. */
function rewriteTypes(folder: URL): void {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) rewriteTypes(new URL(`${name}/`, folder));
    else if (name.endsWith(".d.ts")) {
      const file = new URL(name, folder);
      Deno.writeTextFileSync(file, Deno.readTextFileSync(file).replaceAll(/(["'])(\.\.?\/[^"']*)\.ts\1/g, "$1$2.js$1"));
    }
  }
}

/** The `package.json`. What is for Deno's linter stays out. */
function packageOf({ name, version, license, exports }: Config): unknown {
  const entries = Object.entries(exports).filter(([entry]) => entry !== "./lint").map(([entry, path]) => {
    const base = path.replace(/\.ts$/, "");
    return [entry, { types: `${base}.d.ts`, default: `${base}.js` }];
  });
  return { name, version, license, type: "module", engines: { node: ">=20" }, exports: Object.fromEntries(entries) };
}

rewriteTypes(dist);
const config: Config = JSON.parse(Deno.readTextFileSync(new URL("deno.json", root)));
Deno.writeTextFileSync(new URL("package.json", dist), `${JSON.stringify(packageOf(config), undefined, 2)}\n`);
for (const name of ["README.md", "CHANGELOG.md", "LICENSE"]) Deno.copyFileSync(new URL(name, root), new URL(name, dist));
