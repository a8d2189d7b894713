/**
 * The rules of the house as checks: each looks at one source file, or at all of them, and answers with what it has to complain of.
 *
 * @module
 */

/** A source file, and what the checks need to know of it. */
export interface SourceFile {
  /** From the root of the repository: `event/event_loop.ts`. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
  /** Where the code, not a comment, names `Deno`, a `node:` module or libc. */
  readonly hostNames: readonly string[];
  readonly hasDefaultExport: boolean;
  /** It does more than to export what other modules have. */
  readonly hasOwnCode: boolean;
  /** Registers tests when it is loaded. */
  readonly hasTests: boolean;
}

/** What stands after `from`. */
export interface Import {
  readonly specifier: string;
  /** The file it leads to, from the root of the repository; `undefined` when it leads out of it. */
  readonly target: string | undefined;
  /** Erased when the code runs. */
  readonly isType: boolean;
}

/** What `deno.json` says that the house cares for. */
export interface Config {
  readonly exports: Readonly<Record<string, string>>;
  readonly imports: Readonly<Record<string, string>>;
  readonly tasks: Readonly<Record<string, { readonly command: string }>>;
  readonly test?: { readonly sanitizeOps?: boolean; readonly sanitizeResources?: boolean };
}

/** Parses a file with the parser of the linter, so that comments and strings cannot deceive a check. */
export function parseSource(path: string, text: string): SourceFile {
  const imports: Import[] = [];
  const hostNames: string[] = [];
  const found = { hasDefaultExport: false, hasOwnCode: false, hasTests: false };

  const noteImport = (source: Deno.lint.Node | null | undefined, isType: boolean) => {
    if (source?.type !== "Literal" || typeof source.value !== "string") return;
    imports.push({ specifier: source.value, target: resolve(path, source.value), isType });
  };
  const noteText = (value: unknown) => {
    if (typeof value === "string" && /^node:|^Deno$|\blibc\b/.test(value)) hostNames.push(value);
  };
  const visitor: Deno.lint.LintVisitor = {
    Program(node) {
      found.hasOwnCode = node.body.some((statement) => !isReexport(statement));
      found.hasTests = node.body.some((statement) =>
        statement.type === "ExpressionStatement" && /^Deno\.test\b/.test(textOf(statement, text))
      );
    },
    ImportDeclaration(node) {
      const isType = node.importKind === "type" ||
        node.specifiers.length > 0 && node.specifiers.every((each) => each.type === "ImportSpecifier" && each.importKind === "type");
      noteImport(node.source, isType);
    },
    ExportNamedDeclaration: (node) => noteImport(node.source, node.exportKind === "type"),
    ExportAllDeclaration: (node) => noteImport(node.source, node.exportKind === "type"),
    ImportExpression: (node) => noteImport(node.source, false),
    TSImportType: (node) => noteImport(node.argument.type === "TSLiteralType" ? node.argument.literal : undefined, true),
    ExportDefaultDeclaration: () => void (found.hasDefaultExport = true),
    Identifier: (node) => void (node.name === "Deno" && hostNames.push("Deno")),
    Literal: (node) => noteText(node.value),
    TemplateElement: (node) => noteText(node.cooked),
  };
  Deno.lint.runPlugin({ name: "house", rules: { facts: { create: () => visitor } } }, path, text);
  return { path, text, imports, hostNames, ...found };
}

function isReexport(statement: Deno.lint.Node): boolean {
  return statement.type === "ExportAllDeclaration" || statement.type === "ExportNamedDeclaration" && statement.source !== null;
}

function textOf(node: Deno.lint.Node, text: string): string {
  return text.slice(node.range[0], node.range[1]);
}

function resolve(path: string, specifier: string): string | undefined {
  return /^\.\.?\//.test(specifier) ? new URL(specifier, `file:///${path}`).pathname.slice(1) : undefined;
}

/**
 * The floors, from the ground up: the words that all share, the kernels' contract, what kernels have in common that emulate descriptors, the
 * kernels, then the loop, futures, fibers and the front door. Nothing knows what stands above it.
 */
const floors: readonly RegExp[] = [
  /^event\/(errno|time|flags|signal_names)\.ts$/,
  /^event\/kernel\/kernel\.ts$/,
  /^event\/kernel\/emulated\//,
  /^event\/kernel\/[^/]+\//,
  /^event\//,
  /^future\//,
  /^fiber\//,
  /^mod\.ts$/,
];

/** Stands beside the house: Deno's linter loads it alone, by its default export, and it is written in the linter's words. */
const linterPlugin = "lint_plugin.ts";

function floorOf(path: string): number {
  return floors.findIndex((floor) => floor.test(path));
}

/** `event/kernel/linux/` of `event/kernel/linux/epoll.ts`; `undefined` outside of the kernels. */
function kernelOf(path: string): string | undefined {
  return /^event\/kernel\/(?!emulated\/)[^/]+\//.exec(path)?.[0];
}

/** Imports point one way: fiber, future, event, kernel; and nowhere else, but for the types of the host's modules: to load one takes long. */
export function checkDirection({ path, imports }: SourceFile): string[] {
  return imports.filter(({ specifier, target, isType }) => {
    if (target === undefined) return !(specifier.startsWith("node:") && kernelOf(path) && isType);
    return floorOf(target) < 0 || floorOf(target) > floorOf(path);
  }).map(({ specifier }) => `${path} must not import '${specifier}'`);
}

/** Only a kernel names the host, and what is made for the host's linter. */
export function checkHostNames({ path, hostNames }: SourceFile): string[] {
  return kernelOf(path) || path === linterPlugin ? [] : hostNames.map((name) => `${path} must not name '${name}': only a kernel may`);
}

/** A kernel knows itself, the contract, what emulating kernels share, and the shared words: it has nothing to decide with. */
export function checkKernel({ path, imports }: SourceFile): string[] {
  const kernel = kernelOf(path);
  if (kernel === undefined) return [];
  return imports.filter(({ target }) =>
    target !== undefined && !target.startsWith(kernel) && floorOf(target) > floorOf("event/kernel/emulated/")
  )
    .map(({ specifier }) => `${path} must not import '${specifier}': it is not the kernel's own, nor its contract`);
}

/** What a file name begins with an underscore for: nobody outside of the folder may use it. */
export function checkInternals({ path, imports }: SourceFile): string[] {
  return imports.filter(({ target }) => target !== undefined && /^_/.test(baseName(target)) && folderOf(target) !== folderOf(path))
    .map(({ specifier }) => `${path} must not import '${specifier}': it is internal to another folder`);
}

/** How a source file looks. */
export function checkForm({ path, text, hasDefaultExport }: SourceFile): string[] {
  const lines = text.trimEnd().split("\n").length;
  return [
    lines > 600 && `${path} must not have ${lines} lines: is it one idea?`,
    !/^\/\*\*(?:(?!\*\/)[^])*@module\b/.test(text) && `${path} must start with a comment that says what it is and ends in '@module'`,
    !/^[a-z0-9_]+\.ts$/.test(baseName(path)) && `${path} must be named in snake_case`,
    baseName(path) === "index.ts" && `${path} must not be named so: an entry is a 'mod.ts'`,
    /_test\.ts$/.test(path) && `${path} must stand in 'tests/'`,
    hasDefaultExport && path !== linterPlugin && `${path} must not have a default export`,
    !hasDefaultExport && path === linterPlugin && `${path} must have a default export: the linter takes nothing else`,
  ].filter((complaint) => complaint !== false);
}

/** Public things leave through entries that only pass them on, `io.ts` apart, and the front door passes on all entries, but for the linter's. */
export function checkEntries(files: readonly SourceFile[], config: Config): string[] {
  const entries = Object.values(config.exports).map((entry) => entry.replace("./", ""));
  const frontDoor = files.find(({ path }) => path === "mod.ts");
  return entries.flatMap((entry) => {
    const file = files.find(({ path }) => path === entry);
    if (file === undefined) return [`${entry} must be there: 'deno.json' exports it`];
    const isPlugin = entry === linterPlugin;
    return [
      entry !== "fiber/io.ts" && !isPlugin && file.hasOwnCode && `${entry} must only export what other modules have`,
      file !== frontDoor && !isPlugin && !frontDoor?.imports.some(({ target }) => target === entry) && `mod.ts must export '${entry}'`,
      !config.tasks.check?.command.includes(` ${entry} `) && `The task 'check' must lint the docs of '${entry}'`,
    ].filter((complaint) => complaint !== false);
  });
}

/** The examples in the docs import the package by its name, also where only the imports of `deno.json` are read. */
export function checkImportMap({ exports, imports }: Config): string[] {
  return Object.entries(exports).map(([name, entry]) => [`@sd/fibers${name.slice(1)}`, entry])
    .filter(([name, entry]) => imports[name] !== entry).map(([name, entry]) =>
      `The import '${name}' must be '${entry}', as it is exported`
    );
}

/** No file needs, to be loaded, a file that needs it. */
export function checkCycles(files: readonly SourceFile[]): string[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const done = new Set<string>();
  const complaints: string[] = [];
  function visit(path: string, trail: readonly string[]): void {
    if (trail.includes(path)) complaints.push(`${[...trail.slice(trail.indexOf(path)), path].join(" -> ")} must not be a circle`);
    if (trail.includes(path) || done.has(path)) return;
    for (const { target, isType } of byPath.get(path)?.imports ?? []) if (target !== undefined && !isType) visit(target, [...trail, path]);
    done.add(path);
  }
  for (const path of byPath.keys()) visit(path, []);
  return complaints;
}

/** Tests stand where their subject does, under its name: `tests/event/source_test.ts`, and `source_exit_test.ts` for a part of it. */
export function checkTests(tests: readonly SourceFile[], sources: readonly string[]): string[] {
  return tests.flatMap(({ path, hasTests }) => {
    if (!path.endsWith("_test.ts")) return hasTests ? [`${path} must be named '*_test.ts', or its tests never run`] : [];
    const place = path.replace(/^tests\//, "").replace(/_test\.ts$/, "");
    if (!/^(event|future|fiber)\//.test(place)) return [];
    const hasSubject = sources.some((source) => `${place}_`.startsWith(source.replace(/\.ts$/, "_")));
    return hasSubject ? [] : [`${path} must be named after the file in '${folderOf(place)}/' that it tests`];
  });
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}
