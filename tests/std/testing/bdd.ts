/**
 * Stands in for the part of `@std/testing/bdd` that these tests use: `describe` is a test, what it holds are its steps.
 *
 * @module
 */

/** The body of a test, or a hook around it. */
type Body = (t: Deno.TestContext) => void | Promise<void>;
type Hook = () => void | Promise<void>;

/** A `describe` with what it holds. */
interface Group {
  readonly parent: Group | undefined;
  readonly steps: Deno.TestStepDefinition[];
  readonly beforeAll: Hook[];
  readonly beforeEach: Hook[];
  readonly afterEach: Hook[];
  readonly afterAll: Hook[];
}

/** The group whose body is being read. */
let current: Group | undefined;

/** A group of tests; within another one it is a step of that. */
export function describe(name: string, fn: () => void): void {
  const group: Group = { parent: current, steps: [], beforeAll: [], beforeEach: [], afterEach: [], afterAll: [] };
  current = group;
  try {
    fn();
  } finally {
    current = group.parent;
  }
  register({ name, fn: (t) => runGroup(group, t) });
}

/** One test. */
export function it(name: string, fn: Body): void {
  const group = current;
  register({ name, fn: (t) => runTest(group, fn, t) });
}

/** Runs once, before the tests of the group. */
export function beforeAll(fn: Hook): void {
  enclosing("beforeAll").beforeAll.push(fn);
}

/** Runs before each test of the group, and of the groups in it. */
export function beforeEach(fn: Hook): void {
  enclosing("beforeEach").beforeEach.push(fn);
}

/** Runs after each test of the group, and of the groups in it, also when it failed. */
export function afterEach(fn: Hook): void {
  enclosing("afterEach").afterEach.push(fn);
}

/** Runs once, after the tests of the group. */
export function afterAll(fn: Hook): void {
  enclosing("afterAll").afterAll.push(fn);
}

function register(test: Deno.TestStepDefinition): void {
  if (current === undefined) Deno.test(test.name, test.fn as (t: Deno.TestContext) => Promise<void>);
  else current.steps.push(test);
}

function enclosing(hook: string): Group {
  if (current === undefined) throw new Error(`Cannot use '${hook}' outside of a group: put it into a 'describe'`);
  return current;
}

async function runGroup(group: Group, t: Deno.TestContext): Promise<void> {
  await runHooks(group.beforeAll);
  try {
    for (const step of group.steps) await t.step(step);
  } finally {
    await runHooks(group.afterAll);
  }
}

/** The hooks of the outer groups go round those of the inner ones. */
async function runTest(group: Group | undefined, fn: Body, t: Deno.TestContext): Promise<void> {
  if (group === undefined) return await fn(t);
  const inner: Body = async (t) => {
    await runHooks(group.beforeEach);
    try {
      await fn(t);
    } finally {
      await runHooks(group.afterEach);
    }
  };
  await runTest(group.parent, inner, t);
}

async function runHooks(hooks: readonly Hook[]): Promise<void> {
  for (const hook of hooks) await hook();
}
