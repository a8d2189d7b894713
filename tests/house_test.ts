/**
 * The four rules of the house, and the form of its files; each check is first shown something bad.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import {
  checkCycles,
  checkDirection,
  checkEntries,
  checkForm,
  checkHostNames,
  checkImportMap,
  checkInternals,
  checkKernel,
  checkTests,
  type Config,
  parseSource,
  type SourceFile,
} from "./_house.ts";

const root = new URL("../", import.meta.url);

function readTree(path: string): SourceFile[] {
  if (path.endsWith(".ts")) return [parseSource(path, Deno.readTextFileSync(new URL(path, root)))];
  const entries = [...Deno.readDirSync(new URL(path, root))].sort((a, b) => a.name < b.name ? -1 : 1);
  return entries.flatMap((entry) => {
    if (entry.isDirectory) return readTree(`${path}${entry.name}/`);
    return entry.name.endsWith(".ts") ? readTree(`${path}${entry.name}`) : [];
  });
}

const sources = ["mod.ts", "lint_plugin.ts", "event/", "future/", "fiber/"].flatMap(readTree);
const config: Config = JSON.parse(Deno.readTextFileSync(new URL("deno.json", root)));

/** Path and text of files that break a rule, each alone, and of files that keep it. */
type Samples = Record<string, string>;

function parseSamples(samples: Samples): SourceFile[] {
  return Object.entries(samples).map(([path, text]) => parseSource(path, text));
}

function testRule(rule: string, check: (file: SourceFile) => string[], bad: [path: string, text: string][], good: Samples): void {
  Deno.test(`The check that ${rule} can fail`, () => {
    for (const [path, text] of bad) assertEquals(check(parseSource(path, text)).length, 1, `${path}: ${text}`);
    assertEquals(parseSamples(good).flatMap(check), []);
  });

  Deno.test(`The house sees to it that ${rule}`, () => {
    assertEquals(sources.flatMap(check), []);
  });
}

testRule("imports point one way", checkDirection, [
  ["event/source.ts", `import { spawn } from "../fiber/spawn.ts";`],
  ["event/source.ts", `import type { Future } from "../future/future.ts";`],
  ["event/source.ts", `export * from "../future/mod.ts";`],
  ["event/source.ts", `export { Future } from "../future/future.ts";`],
  ["event/source.ts", `type F = import("../future/future.ts").Future;`],
  ["event/source.ts", `await import("../future/future.ts");`],
  ["event/errno.ts", `import { EventLoop } from "./event_loop.ts";`],
  ["event/kernel/kernel.ts", `import { linuxKernel } from "./linux/mod.ts";`],
  ["event/kernel/linux/epoll.ts", `import { Source } from "../../source.ts";`],
  ["event/kernel/emulated/pipe.ts", `import { clock } from "../simulated/clock.ts";`],
  ["future/future.ts", `import { Fiber } from "../fiber/fiber.ts";`],
  ["fiber/fiber.ts", `import { run } from "../mod.ts";`],
  ["mod.ts", `export * from "./lint_plugin.ts";`],
  ["lint_plugin.ts", `import { sleep } from "./mod.ts";`],
  ["fiber/fiber.ts", `import { helper } from "../tests/helper.ts";`],
  ["fiber/fiber.ts", `import { assert } from "@std/assert";`],
  ["fiber/fiber.ts", `import fs from "node:fs";`],
  ["event/kernel/linux/epoll.ts", `import { x } from "npm:x";`],
  ["event/kernel/linux/epoll.ts", `import os from "node:os";`],
], {
  "fiber/fiber.ts": `import { a } from "../future/future.ts"; import { b } from "../event/mod.ts"; import { c } from "./scope.ts";`,
  "event/event_loop.ts": `import { a } from "./kernel/linux/mod.ts"; // import { b } from "../fiber/mod.ts";`,
  "event/kernel/linux/epoll.ts": `import type os from "node:os"; import { a } from "../kernel.ts"; import { b } from "../../errno.ts";`,
  "mod.ts": `export * from "./fiber/mod.ts";`,
});

testRule("only kernels name the host", checkHostNames, [
  ["event/event_loop.ts", "Deno.pid;"],
  ["event/event_loop.ts", "let connection: Deno.Conn;"],
  ["event/event_loop.ts", "`${globalThis.Deno}`;"],
  ["event/event_loop.ts", `globalThis["Deno"];`],
  ["event/kernel/kernel.ts", `import fs from "node:fs";`],
  ["event/kernel/emulated/pipe.ts", `import fs from "node:fs";`],
  ["future/promise.ts", `require("node:fs");`],
  ["fiber/io.ts", `open("/lib64/libc.so.6");`],
], {
  "event/event_loop.ts": `/** In Deno it is Deno.pid, in node:process and libc too. */ throw new Error("Cannot run on Deno before 2.9");`,
  "event/kernel/linux/libc.ts": `import fs from "node:fs"; Deno.dlopen("/lib64/libc.so.6", {});`,
  "lint_plugin.ts": `let rule: Deno.lint.Rule;`,
});

testRule("a kernel has nothing to decide with", checkKernel, [
  ["event/kernel/linux/epoll.ts", `import { Source } from "../../source.ts";`],
  ["event/kernel/linux/epoll.ts", `import type { Prioq } from "../../prioq.ts";`],
  ["event/kernel/linux/epoll.ts", `import { clock } from "../simulated/clock.ts";`],
  ["event/kernel/linux/epoll.ts", `import { all } from "../mod.ts";`],
], {
  "event/kernel/portable/sockets.ts": `import { openPipe } from "../emulated/pipe.ts";`,
  "event/kernel/linux/epoll.ts": ["../kernel.ts", "../../errno.ts", "../../time.ts", "../../flags.ts", "../../signal_names.ts", "./libc.ts"]
    .map((path) => `import "${path}";`).join(" "),
  "event/event_loop.ts": `import { Prioq } from "./prioq.ts";`,
});

testRule("internal files are used in their own folder alone", checkInternals, [
  ["fiber/fiber.ts", `import { a } from "../future/_current.ts";`],
  ["event/event_loop.ts", `import { a } from "./kernel/linux/_libc.ts";`],
  ["event/kernel/linux/epoll.ts", `export * from "../_table.ts";`],
], { "fiber/fiber.ts": `import { a } from "./_cell.ts"; import { b } from "../future/current.ts";` });

const head = "/**\n * One idea.\n *\n * @module\n */\n";

testRule("source files have the same form", checkForm, [
  ["event/long.ts", head + "//\n".repeat(600)],
  ["event/bare.ts", "export {};"],
  ["event/bare.ts", "/** A class. */ export class A {} /** @module */"],
  ["event/index.ts", head],
  ["event/eventLoop.ts", head],
  ["event/source_test.ts", head],
  ["event/source.ts", head + "export default class {}"],
  ["lint_plugin.ts", head],
], { "lint_plugin.ts": head + "export default {};", "event/source.ts": head + "//\n".repeat(595), "event/kernel/_io2.ts": head });

Deno.test("The check of the entries can fail", () => {
  const exports = { ".": "./mod.ts", "./event": "./event/mod.ts", "./future": "./future/mod.ts", "./io": "./fiber/io.ts" };
  const tasks = { check: { command: "deno doc --lint mod.ts event/mod.ts fiber/io.ts && true" } };
  const bad = { "mod.ts": `export * from "./fiber/io.ts"`, "event/mod.ts": "export const a = 1;", "fiber/io.ts": "export const b = 1;" };
  assertEquals(checkEntries(parseSamples(bad), { exports, tasks, imports: {} }), [
    "event/mod.ts must only export what other modules have",
    "mod.ts must export 'event/mod.ts'",
    "future/mod.ts must be there: 'deno.json' exports it",
  ]);
  const unlinted = { exports: { ".": "./mod.ts" }, tasks: { check: { command: "deno doc --lint event/mod.ts && true" } }, imports: {} };
  assertEquals(checkEntries(parseSamples(bad), unlinted), ["The task 'check' must lint the docs of 'mod.ts'"]);
});

Deno.test("The house sees to it that public things leave through its entries", () => {
  assertEquals(checkEntries(sources, config), []);
});

Deno.test("The check of the import map can fail", () => {
  const exports = { ".": "./mod.ts", "./io": "./fiber/io.ts" };
  const imports = { "@sd/fibers": "./mod.ts", "@sd/fibers/io": "./io.ts" };
  assertEquals(checkImportMap({ exports, imports, tasks: {} }), ["The import '@sd/fibers/io' must be './fiber/io.ts', as it is exported"]);
});

Deno.test("The house sees to it that the examples can import the package by its name", () => {
  assertEquals(checkImportMap(config), []);
});

Deno.test("The house sees to it that tests clean up after themselves", () => {
  assertEquals(config.test, { sanitizeOps: true, sanitizeResources: true });
});

Deno.test("The check for circles can fail", () => {
  const circle = {
    "event/a.ts": `import { b } from "./b.ts";`,
    "event/b.ts": `export * from "./c.ts";`,
    "event/c.ts": `import { a } from "./a.ts";`,
    "event/d.ts": `import { a } from "./a.ts"; import { type D } from "./e.ts";`,
    "event/e.ts": `import { d } from "./d.ts"; import type { D } from "./d.ts";`,
  };
  assertEquals(checkCycles(parseSamples(circle)), ["event/a.ts -> event/b.ts -> event/c.ts -> event/a.ts must not be a circle"]);
});

Deno.test("The house sees to it that no imports go round in circles", () => {
  assertEquals(checkCycles(sources), []);
});

Deno.test("The check of the tests can fail", () => {
  const bad = {
    "tests/event/sauce_test.ts": "",
    "tests/event/event_loops_test.ts": "",
    "tests/helpers.ts": "Deno.test('never run', () => {});",
  };
  const good = {
    "tests/event/source_test.ts": "",
    "tests/event/source_exit_test.ts": "",
    "tests/kernel/pipes_test.ts": "",
    "tests/kernel/suite.ts": "export function suite() { Deno.test('called', () => {}); }",
  };
  const subjects = ["event/source.ts", "event/event_loop.ts", "fiber/sauce.ts"];
  assertEquals(checkTests(parseSamples(bad), subjects).length, 3);
  assertEquals(checkTests(parseSamples(good), subjects), []);
});

Deno.test("The house sees to it that tests run and are named after what they test", () => {
  const tests = readTree("tests/");
  assert(tests.some(({ path }) => path === "tests/house_test.ts"));
  assertEquals(checkTests(tests, sources.map(({ path }) => path)), []);
});
