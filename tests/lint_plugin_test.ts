/**
 * The plugin for the linter: what it finds, and what it leaves alone.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import plugin from "@sd/fibers/lint";
import { exportedCalls } from "./_operations.ts";

/** What a rule marks in a file. */
function marked(rule: string, source: string): string[] {
  return Deno.lint.runPlugin(plugin, "file.ts", source).filter(({ id }) => id === `sd-fibers/${rule}`)
    .map(({ range: [start, end] }) => source.slice(start, end));
}

const imports = `import { connect, type Connection, listen, Mutex, type Operation, sec, sleep, spawn } from "@sd/fibers";\n`;

function testRule(rule: string, what: string, bad: Record<string, string[]>, good: string[]): void {
  Deno.test(`${rule} finds ${what}`, () => {
    for (const [source, expected] of Object.entries(bad)) assertEquals(marked(rule, imports + source), expected, source);
  });

  Deno.test(`${rule} leaves alone what is not ${what}`, () => {
    for (const source of good) {
      const text = source.startsWith("import ") ? source : imports + source;
      assertEquals(marked(rule, text), [], text);
    }
  });
}

testRule("forgotten-yield-star", "an operation that is dropped", {
  "function* f() { sleep(sec(1)); }": ["sleep(sec(1))"],
  "const f = function* () { if (late) sleep(1); else yield* sleep(2); };": ["sleep(1)"],
  "class A { *run() { for (;;) { sleep(1); } } }": ["sleep(1)"],
  "const a = { *run() { sleep(1); } };": ["sleep(1)"],
  "function* f() { late && sleep(1); late ? sleep(2) : sleep(3); void sleep(4); }": ["sleep(1)", "sleep(2)", "sleep(3)", "sleep(4)"],
  "function* f() { spawn(function* () { sleep(1); }); }": ["sleep(1)"],
  "import { sleep as nap } from 'jsr:@sd/fibers@^1/fiber'; function* f() { nap(1); }": ["nap(1)"],
  "import * as sd from '@sd/fibers'; function* f() { sd.sleep(1); }": ["sd.sleep(1)"],
  "function* f() { g(1); } function* g() { yield* sleep(1); }": ["g(1)"],
  "const g = function* () {}; function* f() { g(); }": ["g()"],
  "class A { *#fill() {} *line() { this.#fill(); } }": ["this.#fill()"],
  "function* f(connection: Connection) { connection.writeAll(data); connection?.read(data); connection.close(); }": [
    "connection.writeAll(data)",
    "connection?.read(data)",
  ],
  "class A { #c: Connection; constructor(readonly d: Connection) {} *run() { this.#c.readAll(); this.d.readAll(); } }": [
    "this.#c.readAll()",
    "this.d.readAll()",
  ],
  "const mutex: Mutex = make(); const other = new Mutex(); function* f() { mutex.lock(); other.lock(); }": ["mutex.lock()", "other.lock()"],
  "import { Channel } from '@sd/fibers'; function* f(jobs: Channel<number>) { jobs.push(1); jobs.pop(); jobs.tryPush(1); }": [
    "jobs.push(1)",
    "jobs.pop()",
  ],
  "import { Watch } from '@sd/fibers'; const level = new Watch(1); function* f() { using changes = level.subscribe(); changes.pop(); }": [
    "changes.pop()",
  ],
  "import { spawnProcess } from '@sd/fibers'; function* f() { using cat = spawnProcess('cat'); cat.stdin.writeAll(data); cat.kill(); }": [
    "cat.stdin.writeAll(data)",
  ],
  "import { Channel } from '@sd/fibers'; const jobs = Channel.conflated(); function* f() { jobs.next(); }": ["jobs.next()"],
  "function* f() { using l = listen(a); l.accept(); using c = yield* l.accept(); c.read(b); const d = yield* connect(a); d.read(b); }": [
    "l.accept()",
    "c.read(b)",
    "d.read(b)",
  ],
}, [
  "function* f() { yield* sleep(1); const later = sleep(1); yield* later; return sleep(1); }",
  "function* f() { spawn(g); spawn(() => g()); run(sleep(1)); } function* g() {}",
  "function f() { sleep(1); }",
  "function* f() { assertThrows(() => { sleep(-1); }); }",
  "async function* f() { sleep(1); }",
  "function* f() { g(); } function g() {}",
  "function* f() { g(); } async function* g() {}",
  "function* f() { const g = () => {}; g(); } function* h() { function* g() {} yield* g(); }",
  "function* f(sleep: () => void) { sleep(); }",
  "function* f() { for (const sleep of alarms) sleep(); }",
  "function* f() { try { g(); } catch (sleep) { sleep(1); } }",
  "function* f({ sleep, a: [spawn = g, ...rest] }) { sleep(1); }",
  "function* f(connection: Deno.Conn) { connection.read(b); }",
  "function* f(connection: Deno.Conn) { connection.read(b); } function* g(connection: Connection) { yield* connection.read(b); }",
  "function* f(connection: Connection) { connection.toString(); connection['read'](b); unknown.read(b); }",
  "class A { step() {} *run() { this.step(); } } class B { *step() {} }",
  "class A { *step() {} *run() { this[step](); } }",
  "class A { *run() { const a = { step() {}, other() { this.step(); } }; } *step() {} }",
  "import { sleep } from '@other/fibers'; function* f() { sleep(1); }",
  "import sd from '@sd/fibers'; import * as other from '@other/fibers'; function* f() { sd.sleep(1); other.sleep(1); }",
  "import { x } from 'x'; function* f() { g(); } function* g() {}",
]);

testRule("bare-yield", "a yield in the body of a fiber", {
  "function* f() { yield* sleep(1); yield sleep(1); }": ["yield sleep(1)"],
  "function* f() { yield* sleep(1); yield; const a = yield promise; }": ["yield", "yield promise"],
  "function* f(): Operation<void> { yield g(); }": ["yield g()"],
  "class A { *run(connection: Connection) { yield* connection.readAll(); yield; } }": ["yield"],
  "spawn(function* () { yield 1; });": ["yield 1"],
  "spawn(f); function* f() { yield 1; }": ["yield 1"],
  "spawn(() => f(1)); const f = function* (n) { yield n; };": ["yield n"],
  "import { all } from '@sd/fibers'; function* f() { yield* all([function* () { yield 1; }, g, () => h(2)]); } function* g() { yield 3; } function* h() { yield 4; }":
    ["yield 1", "yield 3", "yield 4"],
  "import { main as start } from '@sd/fibers/fiber'; start(function* () { yield 1; });": ["yield 1"],
}, [
  "function* numbers() { yield 1; yield* numbers(); yield; }",
  "function* f() { yield* sleep(1); function* numbers() { yield 1; } for (const n of numbers()) yield* sleep(n); }",
  "function* f() { yield* sleep(1); yield* suspend(); }",
  "function* f(): Generator<number> { yield 1; }",
  "async function* f() { yield sleep(1); }",
  "spawn(f); function f() { return g; } function* g() { yield 1; }",
  "enlist(f); function* f() { yield 1; }",
  "spawn(() => { for (const n of f()) use(n); return sleep(1); }); function* f() { yield 1; }",
  "import { spawn } from 'node:child_process'; spawn(function* () { yield 1; });",
  "import type { Operation } from 'effection'; function* f(): Operation<void> { yield 1; }",
]);

Deno.test("forgotten-yield-star knows the calls that make operations, and no others", async () => {
  const calls = await exportedCalls();
  assert(calls.some(({ name, makesOperation }) => name === "sleep" && makesOperation));
  assert(calls.some(({ name, makesOperation }) => name === "Future.cancel" && !makesOperation));
  for (const { name, owner, ownName, makesOperation } of calls) {
    const source = owner === undefined
      ? `import { ${name} } from "@sd/fibers"; function* f() { ${name}(); }`
      : `import type { ${owner} } from "@sd/fibers"; function* f(it: ${owner}) { it.${ownName}(); }`;
    assertEquals(marked("forgotten-yield-star", source).length, makesOperation ? 1 : 0, name);
  }
});
