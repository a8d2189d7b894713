/**
 * What our tests rely on of `@std/assert` and `@std/testing`: for each assertion cases that it lets pass and cases that it must not.
 * `deno task test` runs this on the stand-ins beside it, `deno task test:std` on the real libraries, so both are held to the same.
 *
 * @module
 */

import {
  assert,
  assertAlmostEquals,
  assertArrayIncludes,
  assertEquals,
  assertExists,
  assertFalse,
  assertGreater,
  assertGreaterOrEqual,
  assertInstanceOf,
  AssertionError,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertNotEquals,
  assertNotStrictEquals,
  assertObjectMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  fail,
  unreachable,
} from "@std/assert";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import { assertSpyCall, assertSpyCalls, MockError, spy } from "@std/testing/mock";

type Case = () => unknown;

/** Judges without an assertion of the library under test. */
async function passes(name: string, body: Case): Promise<void> {
  try {
    await body();
  } catch (error) {
    throw new Error(`Cannot accept that ${name} failed`, { cause: error });
  }
}

async function refuses(name: string, body: Case): Promise<void> {
  try {
    await body();
  } catch (error) {
    if (error instanceof AssertionError && error.name === "AssertionError") return;
    throw new Error(`Cannot accept that ${name} threw something else`, { cause: error });
  }
  throw new Error(`Cannot accept that ${name} passed`);
}

function testStrictness(name: string, good: Record<string, Case>, bad: Record<string, Case>): void {
  Deno.test(`${name} lets pass what is right and nothing else`, async () => {
    for (const [label, body] of Object.entries(good)) await passes(`${name}: ${label}`, body);
    for (const [label, body] of Object.entries(bad)) await refuses(`${name}: ${label}`, body);
  });
}

class Point {
  constructor(readonly x: number) {}
}

class Hidden {
  readonly #value: number;
  constructor(value: number) {
    this.#value = value;
  }
  get value(): number {
    return this.#value;
  }
}

class Special extends RangeError {}

function loop(value: number): { value: number; self?: unknown } {
  const object: { value: number; self?: unknown } = { value };
  object.self = object;
  return object;
}

function bytes(...values: number[]): Uint8Array {
  return new Uint8Array(values);
}

function thrower(error: unknown): () => never {
  return () => {
    throw error;
  };
}

testStrictness("assert()", { "true": () => assert(true), "an object": () => assert({}) }, {
  "false": () => assert(false),
  "zero": () => assert(0),
  "an empty string": () => assert(""),
});

testStrictness("assertFalse()", { "false": () => assertFalse(false), "null": () => assertFalse(null) }, {
  "true": () => assertFalse(true),
  "a full string": () => assertFalse("false"),
});

testStrictness("fail()", {}, { "always": () => fail("because") });
testStrictness("unreachable()", {}, { "always": () => unreachable() });

testStrictness("assertExists()", { "zero": () => assertExists(0), "an empty string": () => assertExists("") }, {
  "null": () => assertExists(null),
  "undefined": () => assertExists(undefined),
});

const equal: Record<string, [unknown, unknown]> = {
  "numbers": [1, 1],
  "NaN": [NaN, NaN],
  "zeros of both signs": [0, -0],
  "nested objects, keys in another order": [{ a: 1, b: { c: [2] } }, { b: { c: [2] }, a: 1 }],
  "an object without prototype": [Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
  "arrays": [[1, [2]], [1, [2]]],
  "bytes": [bytes(1, 2), bytes(1, 2)],
  "buffers": [bytes(1, 2).buffer, bytes(1, 2).buffer],
  "sets in another order": [new Set([1, 2]), new Set([2, 1])],
  "sets of objects": [new Set([{ a: 1 }, { a: 2 }]), new Set([{ a: 2 }, { a: 1 }])],
  "maps in another order": [new Map([[1, { a: 1 }], [2, { a: 2 }]]), new Map([[2, { a: 2 }], [1, { a: 1 }]])],
  "dates": [new Date(7), new Date(7)],
  "expressions": [/a/g, /a/g],
  "instances": [new Point(1), new Point(1)],
  "cycles": [loop(1), loop(1)],
};

const unequal: Record<string, [unknown, unknown]> = {
  "numbers": [1, 2],
  "a number and its text": [1, "1"],
  "null and undefined": [null, undefined],
  "a missing property and one that is undefined": [{ a: 1 }, { a: 1, b: undefined }],
  "another property": [{ a: 1 }, { b: 1 }],
  "something deep inside": [{ a: { b: [1, { c: 2 }] } }, { a: { b: [1, { c: 3 }] } }],
  "a symbol's property": [{ [Symbol.iterator]: 1 }, { [Symbol.iterator]: 2 }],
  "arrays of another length": [[1, 2], [1]],
  "arrays in another order": [[1, 2], [2, 1]],
  "an array and an object with its items": [[1], { 0: 1 }],
  "bytes": [bytes(1, 2), bytes(1, 3)],
  "bytes of another length": [bytes(1, 2), bytes(1, 2, 0)],
  "bytes of another kind": [bytes(1), new Int8Array([1])],
  "buffers": [bytes(1, 2).buffer, bytes(1, 3).buffer],
  "sets": [new Set([1]), new Set([2])],
  "sets of objects": [new Set([{ a: 1 }]), new Set([{ a: 2 }])],
  "maps": [new Map([[1, { a: 1 }]]), new Map([[1, { a: 2 }]])],
  "a set and a map": [new Set([1]), new Map([[1, 1]])],
  "dates": [new Date(7), new Date(8)],
  "expressions": [/a/g, /a/],
  "instances": [new Point(1), new Point(2)],
  "an instance and an object that holds the same": [new Point(1), { x: 1 }],
  "instances with another private state": [new Hidden(1), new Hidden(2)],
  "errors": [new Error("a"), new Error("b")],
  "functions": [() => 1, () => 1],
  "symbols": [Symbol("a"), Symbol("a")],
  "cycles": [loop(1), loop(2)],
};

function pairs(cases: Record<string, [unknown, unknown]>, body: (a: unknown, b: unknown) => void): Record<string, Case> {
  return Object.fromEntries(Object.entries(cases).map(([label, [a, b]]) => [label, () => body(a, b)]));
}

testStrictness("assertEquals()", pairs(equal, assertEquals), pairs(unequal, assertEquals));
testStrictness("assertNotEquals()", pairs(unequal, assertNotEquals), pairs(equal, assertNotEquals));

const object = { a: 1 };

testStrictness("assertStrictEquals()", { "itself": () => assertStrictEquals(object, object), "NaN": () => assertStrictEquals(NaN, NaN) }, {
  "its like": () => assertStrictEquals({ a: 1 }, { a: 1 }),
  "zeros of both signs": () => assertStrictEquals(0, -0),
});

testStrictness("assertNotStrictEquals()", { "its like": () => assertNotStrictEquals({ a: 1 }, { a: 1 }) }, {
  "itself": () => assertNotStrictEquals(object, object),
  "NaN": () => assertNotStrictEquals(NaN, NaN),
});

testStrictness("assertAlmostEquals()", {
  "within the tolerance": () => assertAlmostEquals(1, 1.05, 0.1),
  "within the default tolerance": () => assertAlmostEquals(1, 1 + 1e-8),
}, {
  "beyond the tolerance": () => assertAlmostEquals(1, 1.2, 0.1),
  "beyond the default tolerance": () => assertAlmostEquals(1, 1 + 1e-6),
  "NaN": () => assertAlmostEquals(NaN, 1),
});

testStrictness("assertGreater()", { "more": () => assertGreater(2, 1) }, {
  "the same": () => assertGreater(1, 1),
  "less": () => assertGreater(0, 1),
  "NaN": () => assertGreater(NaN, 1),
});

testStrictness("assertGreaterOrEqual()", { "more": () => assertGreaterOrEqual(2, 1), "the same": () => assertGreaterOrEqual(1, 1) }, {
  "less": () => assertGreaterOrEqual(0, 1),
  "NaN": () => assertGreaterOrEqual(NaN, 1),
});

testStrictness("assertLess()", { "less": () => assertLess(1, 2) }, {
  "the same": () => assertLess(1, 1),
  "more": () => assertLess(2, 1),
  "NaN": () => assertLess(NaN, 1),
});

testStrictness("assertLessOrEqual()", { "less": () => assertLessOrEqual(1, 2), "the same": () => assertLessOrEqual(1, 1) }, {
  "more": () => assertLessOrEqual(2, 1),
  "NaN": () => assertLessOrEqual(NaN, 1),
});

testStrictness("assertInstanceOf()", {
  "the class": () => assertInstanceOf(new RangeError(), RangeError),
  "a class above": () => assertInstanceOf(new RangeError(), Error),
}, {
  "another class": () => assertInstanceOf(new RangeError(), TypeError),
  "a class below": () => assertInstanceOf(new Error(), RangeError),
  "nothing": () => assertInstanceOf(null, Error),
});

testStrictness("assertMatch()", { "a match": () => assertMatch("abc", /b./) }, { "no match": () => assertMatch("abc", /b$/) });

testStrictness("assertStringIncludes()", { "a part": () => assertStringIncludes("abc", "bc") }, {
  "another case": () => assertStringIncludes("abc", "BC"),
});

testStrictness("assertArrayIncludes()", {
  "some, in another order": () => assertArrayIncludes([1, 2, 3], [3, 1]),
  "their like": () => assertArrayIncludes([{ a: 1 }, { a: 2 }], [{ a: 2 }]),
}, {
  "one too many": () => assertArrayIncludes([1, 2, 3], [3, 4]),
  "something similar": () => assertArrayIncludes<unknown>([{ a: 1, b: 1 }], [{ a: 1 }]),
});

testStrictness("assertObjectMatch()", {
  "a part": () => assertObjectMatch({ a: 1, b: 2 }, { a: 1 }),
  "a part of a part": () => assertObjectMatch({ a: { b: 1, c: 2 } }, { a: { b: 1 } }),
  "parts of items": () => assertObjectMatch({ a: [{ b: 1, c: 2 }] }, { a: [{ b: 1 }] }),
  "an instance's part": () => assertObjectMatch({ at: new Point(1), b: 2 }, { at: { x: 1 } }),
}, {
  "another value": () => assertObjectMatch({ a: 1, b: 2 }, { a: 2 }),
  "a missing property": () => assertObjectMatch({ a: 1 }, { a: 1, b: 2 }),
  "another value inside": () => assertObjectMatch({ a: { b: 1 } }, { a: { b: 2 } }),
  "too few items": () => assertObjectMatch({ a: [1] }, { a: [1, 2] }),
});

testStrictness("assertThrows()", {
  "anything": () => assertThrows(thrower("text")),
  "an error of the class": () => assertThrows(thrower(new RangeError("too far")), RangeError),
  "an error of a class below": () => assertThrows(thrower(new Special("too far")), RangeError, "too far"),
  "a part of the message": () => assertThrows(thrower(new RangeError("way too far off")), RangeError, "too far"),
}, {
  "nothing": () => assertThrows(() => {}),
  "nothing, of a class": () => assertThrows(() => {}, RangeError),
  "an error of another class": () => assertThrows(thrower(new TypeError("too far")), RangeError),
  "an error of a class above": () => assertThrows(thrower(new RangeError("too far")), Special),
  "another message": () => assertThrows(thrower(new RangeError("too near")), RangeError, "too far"),
  "no error": () => assertThrows(thrower("text"), Error),
});

Deno.test("assertThrows() returns the error", () => {
  const error = new RangeError("too far");
  if (assertThrows(thrower(error), RangeError) !== error) throw new Error("another one");
  if (assertThrows(thrower(error)) !== error) throw new Error("another one");
});

testStrictness("assertRejects()", {
  "anything": () => assertRejects(() => Promise.reject("text")),
  "an error of the class": () => assertRejects(() => Promise.reject(new RangeError("too far")), RangeError, "too far"),
  "an error of a class below": () => assertRejects(() => Promise.reject(new Special("too far")), RangeError),
}, {
  "a value": () => assertRejects(() => Promise.resolve(1)),
  "a value where a class is expected": () => assertRejects(() => Promise.resolve(1), RangeError),
  "an error of another class": () => assertRejects(() => Promise.reject(new TypeError("too far")), RangeError),
  "another message": () => assertRejects(() => Promise.reject(new RangeError("too near")), RangeError, "too far"),
  "no error": () => assertRejects(() => Promise.reject("text"), Error),
  "an error thrown on the spot": () => assertRejects(thrower(new RangeError("too far")), RangeError),
});

Deno.test("assertRejects() resolves to the error", async () => {
  const error = new RangeError("too far");
  if (await assertRejects(() => Promise.reject(error), RangeError) !== error) throw new Error("another one");
});

function calledTwice() {
  const add = spy((a: number, b: number) => a + b);
  add(1, 2);
  add.call(object, 3, 4);
  return add;
}

testStrictness("assertSpyCalls()", { "as often": () => assertSpyCalls(calledTwice(), 2), "never": () => assertSpyCalls(spy(), 0) }, {
  "more often": () => assertSpyCalls(calledTwice(), 1),
  "less often": () => assertSpyCalls(calledTwice(), 3),
});

testStrictness("assertSpyCall()", {
  "that it was": () => assertSpyCall(calledTwice(), 1),
  "arguments": () => assertSpyCall(calledTwice(), 0, { args: [1, 2] }),
  "the object": () => assertSpyCall(calledTwice(), 1, { self: object }),
  "the result": () => assertSpyCall(calledTwice(), 1, { args: [3, 4], returned: 7 }),
}, {
  "no such call": () => assertSpyCall(calledTwice(), 2),
  "other arguments": () => assertSpyCall(calledTwice(), 1, { args: [1, 2] }),
  "another object": () => assertSpyCall(calledTwice(), 0, { self: object }),
  "another result": () => assertSpyCall(calledTwice(), 0, { returned: 4 }),
});

Deno.test("spy() notes what was thrown, and throws it", () => {
  const error = new Error("no");
  const failing = spy(thrower(error));
  if (assertThrows(failing) !== error) throw new Error("another one");
  if (failing.calls[0].error !== error) throw new Error("not noted");
});

Deno.test("spy() stands in for a method until it is restored", () => {
  const counter = {
    count: 0,
    add(n: number) {
      return this.count += n;
    },
  };
  const original = counter.add;
  const add = spy(counter, "add");
  counter.add(2);
  assertSpyCall(add, 0, { args: [2], self: counter, returned: 2 });
  add.restore();
  assertStrictEquals(counter.add, original);
  assertThrows(() => add.restore(), MockError);
});

const order: string[] = [];

describe("A group", () => {
  beforeAll(() => void order.push("before all"));
  beforeEach(() => void order.push("before"));
  afterEach(() => void order.push("after"));
  afterAll(() => void order.push("after all"));
  it("runs a test", () => void order.push("first"));
  describe("within a group", () => {
    beforeEach(() => void order.push("inner before"));
    afterEach(() => void order.push("inner after"));
    it("runs a test", () => void order.push("second"));
  });
});

Deno.test("describe() runs its hooks from the outside in and back", () => {
  const first = ["before", "first", "after"];
  const second = ["before", "inner before", "second", "inner after", "after"];
  assertEquals(order, ["before all", ...first, ...second, "after all"]);
});
