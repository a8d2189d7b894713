/**
 * The map from sd-event to here tells the truth: what it names is there, and what is there it names.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { Errno } from "../event/errno.ts";

const root = new URL("../", import.meta.url);

/** A row of a table: the code spans of its first two columns, and the codes of the third. */
interface Row {
  readonly there: readonly string[];
  readonly here: readonly string[];
  readonly errors: readonly string[];
  readonly note: string;
}

/** The rows of all tables; one without a column for sd-event has nothing `there`. */
function readRows(text: string): Row[] {
  let hasThere = false;
  const rows: Row[] = [];
  for (const line of text.split("\n")) {
    if (!line.startsWith("|") || /^\|[\s|-]+$/.test(line)) continue;
    const cells = line.split("|").slice(1, -1).map((cell) => cell.trim());
    if (!line.includes("`")) hasThere = cells[0] === "sd-event";
    else {
      const [there, here, errors = "", note = ""] = hasThere ? cells : ["", cells[0], "", cells[1]];
      rows.push({ there: spansOf(there), here: spansOf(here), errors: errors.split(", ").filter((code) => code !== ""), note });
    }
  }
  return rows;
}

function spansOf(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, span]) => span);
}

/** What is exported: names, and the members of those that have any, methods with `()` behind. */
type Exports = ReadonlyMap<string, Shape>;

interface Shape {
  readonly members: ReadonlySet<string>;
  readonly bases: readonly string[];
  readonly isClass: boolean;
}

/** The part of what `deno doc --json` prints that is looked at. */
interface Doc {
  readonly nodes: Readonly<
    Record<string, { readonly symbols: readonly { readonly name: string; readonly declarations: readonly Declaration[] }[] }>
  >;
}

interface Declaration {
  readonly kind: string;
  readonly def: {
    readonly extends?: readonly { readonly value: { readonly typeName: string } }[] | string;
    readonly properties?: readonly { readonly name: string }[];
    readonly methods?: readonly { readonly name: string; readonly kind?: string }[];
  };
}

async function readExports(): Promise<Exports> {
  const command = new Deno.Command(Deno.execPath(), { args: ["doc", "--json", "event/mod.ts"], cwd: root, env: { NO_COLOR: "1" } });
  const { success, stdout, stderr } = await command.output();
  assert(success, new TextDecoder().decode(stderr));
  const doc: Doc = JSON.parse(new TextDecoder().decode(stdout));
  const symbols = Object.values(doc.nodes).flatMap((node) => node.symbols);
  return new Map(symbols.map(({ name, declarations }) => [name, shapeOf(declarations)]));
}

function shapeOf(declarations: readonly Declaration[]): Shape {
  const members = new Set<string>();
  const bases: string[] = [];
  for (const { kind, def } of declarations) {
    if (kind !== "class" && kind !== "interface") continue;
    for (const { name } of def.properties ?? []) members.add(name);
    for (const method of def.methods ?? []) {
      members.add(method.kind === "getter" || method.kind === "setter" ? method.name : `${method.name}()`);
    }
    if (typeof def.extends === "object") bases.push(...def.extends.map(({ value }) => value.typeName));
  }
  return { members, bases, isClass: declarations.some(({ kind }) => kind === "class") };
}

/** Whether a type has a member, of its own or of what it extends. */
function hasMember(exports: Exports, type: string, member: string): boolean {
  if (type === "Disposable") return member === "[Symbol.dispose]()";
  const shape = exports.get(type);
  return shape !== undefined && (shape.members.has(member) || shape.bases.some((base) => hasMember(exports, base, member)));
}

/** Whether there is what a span names: `new Class()`, `Type`, `Type.member`, `Type.method()` or `Type[Symbol.dispose]()`. */
function isThere(exports: Exports, span: string): boolean {
  const made = /^new (\w+)\(\)$/.exec(span)?.[1];
  if (made !== undefined) return exports.get(made)?.isClass === true;
  const [, type, member] = /^(\w+)(?:\.(?=\w)|(?=\[|$))(\S*)$/.exec(span) ?? [];
  if (type === undefined) return false;
  return member === "" ? exports.has(type) : hasMember(exports, type, member);
}

/** What is wrong with the table. */
function complaintsOf(rows: readonly Row[], exports: Exports): string[] {
  const seen = new Set<string>();
  return rows.flatMap(({ there, here, errors, note }) => [
    ...there.filter((name) => seen.size === seen.add(name).size).map((name) => `${name} stands there twice`),
    ...here.filter((span) => !isThere(exports, span)).map((span) => `${span} is not there`),
    ...errors.filter((code) => !(code in Errno)).map((code) => `${code} is no error`),
    ...(here.length === 0 && note === "" ? [`${there} has no counterpart, and no reason`] : []),
  ]);
}

/** Members of the loop, and of sources and their options, that no row names, nor the same of a type that they extend. */
function missingIn(rows: readonly Row[], exports: Exports): string[] {
  const named = new Set(rows.flatMap(({ here }) => here));
  const spell = (type: string, member: string) => member.startsWith("[") ? `${type}${member}` : `${type}.${member}`;
  const isNamed = (type: string, member: string): boolean =>
    named.has(spell(type, member)) || (exports.get(type)?.bases ?? []).some((base) => isNamed(base, member));
  return [...exports].filter(([type]) => /^EventLoop$|Source$/.test(type))
    .flatMap(([type, { members }]) => [...members].filter((member) => !isNamed(type, member)).map((member) => spell(type, member)));
}

const exports = await readExports();

Deno.test("The check of the map can fail", () => {
  const rows = readRows(`
| sd-event | here | errors | what differs |
| -------- | ---- | ------ | ------------ |
| \`sd_event_a\` | \`EventLoop.fd\`, \`EventLoop.fd()\` | EINVAL, EWHATEVER | |
| \`sd_event_b\`, \`sd_event_a\` | \`EventLoop.exit\`, \`EventLoop.nothing\`, \`Nothing.fd\`, \`new Source()\`, \`EventLoopfd\`, \`a b\` | | |
| \`sd_event_c\` | — | | |
| \`sd_event_d\` | — | | gone |
| here | what it is |
| ---- | ---------- |
| \`IoSource.onDestroy\`, \`IoSource[Symbol.dispose]()\`, \`Source[Symbol.asyncDispose]()\` | |
`);
  assertEquals(rows.length, 5);
  assertEquals(complaintsOf(rows, exports), [
    "EventLoop.fd() is not there",
    "EWHATEVER is no error",
    "sd_event_a stands there twice",
    "EventLoop.exit is not there",
    "EventLoop.nothing is not there",
    "Nothing.fd is not there",
    "new Source() is not there",
    "EventLoopfd is not there",
    "a b is not there",
    "sd_event_c has no counterpart, and no reason",
    "Source[Symbol.asyncDispose]() is not there",
  ]);
  const shape = (members: string[], bases: string[] = []): Shape => ({ members: new Set(members), bases, isClass: false });
  const some: Exports = new Map([["Source", shape(["a", "b()"])], ["XSource", shape(["a", "c", "[Symbol.dispose]()"], ["Source"])]]);
  const named = { there: [], here: ["Source.a", "XSource.c"], errors: [], note: "" };
  assertEquals(missingIn([named], some), ["Source.b()", "XSource[Symbol.dispose]()"]);
});

Deno.test("What the map names is there, and its errors are errors", () => {
  const rows = readRows(Deno.readTextFileSync(new URL("docs/sd-event-map.md", root)));
  assert(rows.flatMap(({ there }) => there).filter((name) => /^(sd_)?event_/.test(name)).length > 80);
  assertEquals(complaintsOf(rows, exports), []);
});

Deno.test("The map names every member of the loop and of its sources", () => {
  const rows = readRows(Deno.readTextFileSync(new URL("docs/sd-event-map.md", root)));
  assertEquals(missingIn(rows, exports), []);
});
