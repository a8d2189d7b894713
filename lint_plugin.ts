/**
 * A plugin for Deno's linter, which finds what the type checker cannot: operations that are made and never run.
 *
 * To switch it on, name it in `deno.json`: `"lint": { "plugins": ["jsr:@sd/fibers/lint"] }`. It brings two rules:
 *
 * - `sd-fibers/forgotten-yield-star`: in a generator function, a call that makes an operation and drops it, as in `sleep(sec(1));`.
 * - `sd-fibers/bare-yield`: in the body of a fiber, a `yield` without its star.
 *
 * Where it cannot tell what a name stands for, it keeps silent.
 *
 * @module
 */

/** What makes operations: the package's functions, and methods of its classes. */
const OPERATIONS: ReadonlySet<string> = new Set([
  "Barrier.wait",
  "Channel.next",
  "Channel.pop",
  "Channel.push",
  "Condition.wait",
  "Connection.read",
  "Connection.readAll",
  "Connection.write",
  "Connection.writeAll",
  "DatagramSocket.receive",
  "DatagramSocket.send",
  "FiberLocal.run",
  "Gate.pass",
  "ItemChannel.next",
  "ItemChannel.pop",
  "ItemChannel.push",
  "Listener.accept",
  "Mutex.lock",
  "Once.get",
  "PriorityChannel.next",
  "PriorityChannel.pop",
  "PriorityChannel.push",
  "Receiver.next",
  "Receiver.pop",
  "RwLock.read",
  "RwLock.write",
  "Semaphore.acquire",
  "Subscription.next",
  "Subscription.pop",
  "WaitGroup.wait",
  "WatchSubscription.next",
  "WatchSubscription.pop",
  "acceptFd",
  "all",
  "allSettled",
  "any",
  "cancelWait",
  "connect",
  "connectFd",
  "connectTls",
  "loopNested",
  "output",
  "poll",
  "race",
  "read",
  "readAll",
  "readExact",
  "readFile",
  "readFull",
  "readTextFile",
  "readVector",
  "receive",
  "receiveFrom",
  "receiveMessage",
  "runNested",
  "scope",
  "select",
  "send",
  "sendMessage",
  "sendTo",
  "settled",
  "shield",
  "sleep",
  "suspend",
  "until",
  "withTimeout",
  "write",
  "writeAll",
  "writeFile",
  "writeVector",
  "yieldNow",
]);

/** What gives instances of the package's classes: functions, methods and properties, and what is made by running an operation. */
const MAKERS: ReadonlyMap<string, string> = new Map([
  ["Broadcast.subscribe", "Subscription"],
  ["Channel.conflated", "Channel"],
  ["Listener.accept", "Connection"],
  ["Process.stderr", "Connection"],
  ["Process.stdin", "Connection"],
  ["Process.stdout", "Connection"],
  ["Watch.subscribe", "WatchSubscription"],
  ["connect", "Connection"],
  ["connectTls", "Connection"],
  ["listen", "Listener"],
  ["listenTls", "Listener"],
  ["openDatagram", "DatagramSocket"],
  ["spawnProcess", "Process"],
]);

/** The classes that these are about. */
const CLASSES: ReadonlySet<string> = new Set(
  [...OPERATIONS, ...MAKERS.keys()].filter((name) => name.includes(".")).map((name) => name.split(".")[0]),
);

/** The functions that run what they are given on a fiber. */
const RUNNERS: ReadonlySet<string> = new Set([
  "FiberLocal.run",
  "all",
  "allSettled",
  "any",
  "main",
  "race",
  "run",
  "scope",
  "shield",
  "spawn",
  "withTimeout",
]);

/** The package itself, by whatever name it is imported. */
const PACKAGE = /^(?:jsr:\/?)?@sd\/fibers(?:@[^/]+)?(?:\/[a-z]+)?$/;

type GeneratorNode = Deno.lint.FunctionDeclaration | Deno.lint.FunctionExpression;
type FunctionNode = GeneratorNode | Deno.lint.ArrowFunctionExpression;

/** What a name stands for: something of the package by its own name, or all of it; an instance of a class; a generator function; else. */
type Meaning =
  | { readonly kind: "export" | "instance"; readonly name: string }
  | { readonly kind: "package" | "generator" | "unknown" };

/** What a file calls by which name. One that stands for two things in different places is unknown: the plugin knows no scopes. */
class Names {
  readonly #meanings = new Map<string, Meaning>();
  usesPackage = false;

  declare(name: string, meaning: Meaning): void {
    const before = this.#meanings.get(name);
    const isSame = before === undefined || (before.kind === meaning.kind && nameIn(before) === nameIn(meaning));
    this.#meanings.set(name, isSame ? meaning : UNKNOWN);
  }

  get(name: string): Meaning {
    return this.#meanings.get(name) ?? UNKNOWN;
  }

  /** What an expression stands for, as far as its names tell. */
  of(node: Deno.lint.Node): Meaning {
    if (node.type === "Identifier") return this.get(node.name);
    if (node.type !== "MemberExpression" || node.computed) return UNKNOWN;
    if (node.object.type === "ThisExpression") return this.get(`this.${keyOf(node.property)}`);
    const object = this.of(node.object);
    if (object.kind === "package") return exportNamed(node.property);
    return instanceOf(MAKERS.get(this.#memberNamed(object, node.property) ?? ""));
  }

  /** The instance that a variable holds, by its annotation or else by what it is set to. */
  instance(annotation: Deno.lint.TSTypeAnnotation | undefined, value: Deno.lint.Node | null): Meaning {
    return annotation === undefined ? this.#instanceFrom(value) : this.instanceBy(annotation);
  }

  instanceBy(annotation: Deno.lint.TSTypeAnnotation | undefined): Meaning {
    const type = annotation?.typeAnnotation;
    return type?.type === "TSTypeReference" ? instanceOf(nameIn(this.of(type.typeName))) : UNKNOWN;
  }

  #instanceFrom(node: Deno.lint.Node | null): Meaning {
    if (node?.type === "YieldExpression" && node.delegate) node = node.argument;
    if (node?.type === "NewExpression") return instanceOf(nameIn(this.of(node.callee)));
    if (node?.type === "CallExpression") return instanceOf(MAKERS.get(this.#called(node) ?? ""));
    return UNKNOWN;
  }

  /** What of the package's is called: `sleep`, or `Connection.read`. */
  #called(call: Deno.lint.CallExpression): string | undefined {
    const callee = call.callee.type === "ChainExpression" ? call.callee.expression : call.callee;
    const meaning = this.of(callee);
    if (meaning.kind === "export") return meaning.name;
    if (callee.type !== "MemberExpression" || callee.computed) return undefined;
    return this.#memberNamed(this.of(callee.object), callee.property);
  }

  /** A member of a class of the package's, or of an instance. */
  #memberNamed(object: Meaning, property: Deno.lint.Node): string | undefined {
    return "name" in object ? `${object.name}.${keyOf(property)}` : undefined;
  }

  /** The call makes an operation of the package's. */
  makesOperation(call: Deno.lint.CallExpression): boolean {
    return OPERATIONS.has(this.#called(call) ?? "");
  }

  /** The call makes a generator, of a function in this file, which uses the package. */
  makesGenerator(call: Deno.lint.CallExpression): boolean {
    return this.usesPackage && this.of(call.callee).kind === "generator";
  }

  runsBodies(call: Deno.lint.CallExpression): boolean {
    return RUNNERS.has(this.#called(call) ?? "");
  }
}

const UNKNOWN: Meaning = { kind: "unknown" };
const GENERATOR: Meaning = { kind: "generator" };

function instanceOf(name: string | undefined): Meaning {
  return name !== undefined && CLASSES.has(name) ? { kind: "instance", name } : UNKNOWN;
}

function exportNamed(imported: Deno.lint.Node): Meaning {
  return imported.type === "Identifier" ? { kind: "export", name: imported.name } : UNKNOWN;
}

function nameIn(meaning: Meaning): string | undefined {
  return "name" in meaning ? meaning.name : undefined;
}

function keyOf(key: Deno.lint.Node): string {
  if (key.type === "PrivateIdentifier") return `#${key.name}`;
  return key.type === "Identifier" ? key.name : "";
}

function isGenerator(node: Deno.lint.Node | null | undefined): node is GeneratorNode {
  return (node?.type === "FunctionExpression" || node?.type === "FunctionDeclaration") && node.generator && !node.async;
}

/** The names that a pattern binds, each with its annotation where the pattern is nothing but a name. */
function* bindings(pattern: Deno.lint.Node | Deno.lint.TSParameterProperty | null): Generator<Deno.lint.Identifier> {
  switch (pattern?.type) {
    case "Identifier":
      return yield pattern;
    case "AssignmentPattern":
      return yield* bindings(pattern.left);
    case "RestElement":
      return yield* bindings(pattern.argument);
    case "TSParameterProperty":
      return yield* bindings(pattern.parameter);
    case "Property":
      return yield* bindings(pattern.value);
    case "ArrayPattern":
      for (const element of pattern.elements) yield* bindings(element);
      return;
    case "ObjectPattern":
      for (const property of pattern.properties) yield* bindings(property);
  }
}

/** The function in which a node stands. */
function functionOf(node: Deno.lint.Node): FunctionNode | undefined {
  let at = node;
  while (at.type !== "Program") {
    at = (at as { parent: Deno.lint.Node }).parent;
    if (at.type === "FunctionDeclaration" || at.type === "FunctionExpression" || at.type === "ArrowFunctionExpression") return at;
  }
  return undefined;
}

/** What a rule needs to know of a file. */
interface Survey {
  readonly names: Names;
  readonly statements: readonly Deno.lint.ExpressionStatement[];
  readonly yields: readonly Deno.lint.YieldExpression[];
  readonly calls: readonly Deno.lint.CallExpression[];
  readonly functions: readonly FunctionNode[];
  /** The generator functions that have a name of their own, or are a variable's value. */
  readonly generators: ReadonlyMap<string, readonly FunctionNode[]>;
}

/** Visits a whole file, then hands over what was found. */
function survey(done: (file: Survey) => void): Deno.lint.LintVisitor {
  const names = new Names();
  const statements: Deno.lint.ExpressionStatement[] = [];
  const yields: Deno.lint.YieldExpression[] = [];
  const calls: Deno.lint.CallExpression[] = [];
  const functions: FunctionNode[] = [];
  const generators = new Map<string, FunctionNode[]>();

  function declareFunction(name: string, node: Deno.lint.Node | null): void {
    names.declare(name, isGenerator(node) ? GENERATOR : UNKNOWN);
    if (isGenerator(node)) generators.set(name, [...generators.get(name) ?? [], node]);
  }
  function enterFunction(node: FunctionNode): void {
    functions.push(node);
    for (const parameter of node.params) {
      for (const name of bindings(parameter)) {
        const meaning = names.instanceBy(name.typeAnnotation);
        names.declare(name.name, meaning);
        if (parameter.type === "TSParameterProperty") names.declare(`this.${name.name}`, meaning);
      }
    }
  }

  return {
    ImportDeclaration(node) {
      const isOurs = PACKAGE.test(node.source.value);
      if (isOurs) names.usesPackage = true;
      for (const specifier of node.specifiers) {
        const { type, local } = specifier;
        if (!isOurs || type === "ImportDefaultSpecifier") names.declare(local.name, UNKNOWN);
        else if (type === "ImportNamespaceSpecifier") names.declare(local.name, { kind: "package" });
        else names.declare(local.name, exportNamed(specifier.imported));
      }
    },
    VariableDeclarator({ id, init }) {
      if (id.type === "Identifier" && isGenerator(init)) return declareFunction(id.name, init);
      if (id.type === "Identifier") return names.declare(id.name, names.instance(id.typeAnnotation, init));
      for (const name of bindings(id)) names.declare(name.name, UNKNOWN);
    },
    FunctionDeclaration(node) {
      if (node.id !== null) declareFunction(node.id.name, node);
      enterFunction(node);
    },
    FunctionExpression: enterFunction,
    ArrowFunctionExpression: enterFunction,
    ClassDeclaration: (node) => void (node.id && names.declare(node.id.name, UNKNOWN)),
    CatchClause(node) {
      for (const name of bindings(node.param)) names.declare(name.name, UNKNOWN);
    },
    MethodDefinition: (node) => declareFunction(`this.${keyOf(node.key)}`, node.value),
    PropertyDefinition(node) {
      names.declare(`this.${keyOf(node.key)}`, names.instance(node.typeAnnotation, node.value));
    },
    Property(node) {
      if (node.value.type === "FunctionExpression") declareFunction(`this.${keyOf(node.key)}`, node.value);
    },
    ExpressionStatement: (node) => void statements.push(node),
    YieldExpression: (node) => void yields.push(node),
    CallExpression: (node) => void calls.push(node),
    "Program:exit": () => done({ names, statements, yields, calls, functions, generators }),
  };
}

/** The calls whose results a statement drops. */
function* droppedCalls(node: Deno.lint.Expression): Generator<Deno.lint.CallExpression> {
  switch (node.type) {
    case "CallExpression":
      return yield node;
    case "ChainExpression":
      return yield* droppedCalls(node.expression);
    case "UnaryExpression":
      return node.operator === "void" ? yield* droppedCalls(node.argument) : undefined;
    case "LogicalExpression":
      return yield* droppedCalls(node.right);
    case "ConditionalExpression":
      yield* droppedCalls(node.consequent);
      yield* droppedCalls(node.alternate);
  }
}

const forgottenYieldStar: Deno.lint.Rule = {
  create: (context) =>
    survey(({ names, statements }) => {
      for (const statement of statements) {
        if (!isGenerator(functionOf(statement))) continue;
        for (const call of droppedCalls(statement.expression)) {
          if (!names.makesOperation(call) && !names.makesGenerator(call)) continue;
          const name = context.sourceCode.getText(call.callee);
          context.report({
            node: call,
            message: `What '${name}()' makes is dropped, and never runs`,
            hint: "Put 'yield*' in front of the call",
          });
        }
      }
    }),
};

const bareYield: Deno.lint.Rule = {
  create: (context) =>
    survey((file) => {
      const bodies = fiberBodies(file);
      for (const node of file.yields) {
        const body = functionOf(node);
        if (node.delegate || body === undefined || !bodies.has(body)) continue;
        context.report({ node, message: "A fiber cannot be suspended by 'yield'", hint: "Use 'yield*' with an operation" });
      }
    }),
};

/** The functions that are bound to run on a fiber: they use operations of the package's, say so, or are handed to something that runs them. */
function fiberBodies({ names, yields, calls, functions, generators }: Survey): Set<FunctionNode> {
  const bodies = new Set<FunctionNode>();
  for (const node of yields) {
    const { argument, delegate } = node;
    const body = functionOf(node);
    if (delegate && argument?.type === "CallExpression" && names.makesOperation(argument) && body !== undefined) bodies.add(body);
  }
  for (const node of functions) {
    const type = node.returnType?.typeAnnotation;
    if (isGenerator(node) && type?.type === "TSTypeReference" && nameIn(names.of(type.typeName)) === "Operation") bodies.add(node);
  }
  function addGiven(given: Deno.lint.Node | null): void {
    if (isGenerator(given)) bodies.add(given);
    else if (given?.type === "ArrayExpression") given.elements.forEach(addGiven);
    else if (given?.type === "ArrowFunctionExpression" && given.body.type === "CallExpression") addGiven(given.body.callee);
    else if (given?.type === "Identifier" && names.of(given).kind === "generator") generators.get(given.name)?.forEach(addGiven);
  }
  for (const call of calls) {
    if (names.runsBodies(call)) call.arguments.forEach(addGiven);
  }
  return bodies;
}

/** See the head of this module. */
const plugin: Deno.lint.Plugin = {
  name: "sd-fibers",
  rules: { "forgotten-yield-star": forgottenYieldStar, "bare-yield": bareYield },
};

export default plugin;
