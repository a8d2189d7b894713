/**
 * Stacks that begin with the user's own line.
 *
 * @module
 */

/** Where this package's code is: in folders, or in the file that npm gets. Somebody else's bundle has it among code that is not this package's. */
let ownPlaces: readonly string[] | undefined;

function findOwnPlaces(): readonly string[] {
  const place = /^(.*\/)(?:fiber\/user_stack\.[jt]s|(sd_fibers\.js))$/.exec(import.meta.url);
  if (place === null) return [];
  return place[2] === undefined ? ["event", "future", "fiber"].map((folder) => `${place[1]}${folder}/`) : [place[0]];
}

/** How many frames of this package's may lie above, and between, those that are wanted. */
const OWN_FRAMES = 16;

/** How an error's stack is asked for instead; `undefined` where the engine does not tell of it by an accessor: there stacks stay as they are. */
let descriptor: PropertyDescriptor | undefined;
let isDescribed = false;

/** The descriptor for errors like this one. Only now, as an error that a module makes when it is evaluated can take the engine 20 ms. */
function describe(error: Error): PropertyDescriptor | undefined {
  isDescribed = true;
  const engine = Object.getOwnPropertyDescriptor(error, "stack");
  return engine?.get && {
    ...engine,
    get(this: Error): string {
      return withoutOwnFrames(engine.get!.call(this));
    },
  };
}

function withoutOwnFrames(stack: string): string {
  const places = ownPlaces ??= findOwnPlaces();
  const lines = stack.split("\n");
  const kept = lines.filter((line) => !/^\s+at .*next \(<anonymous>\)$/.test(line) && !places.some((place) => line.includes(place)));
  return kept.length > 1 ? kept.join("\n") : stack;
}

/**
 * Makes an error in whose stack this package's own frames are left out: what remains is the line of the user's that did `yield*`, and the lines that led
 * there. They are left out when somebody looks at the stack; an error that nobody prints must not pay for its looks.
 */
export function withUserStack<E extends Error>(make: () => E): E {
  const limit = Error.stackTraceLimit;
  // Somebody has turned stacks off.
  if (!(typeof limit === "number" && limit > 0)) return make();
  Reflect.set(Error, "stackTraceLimit", limit + OWN_FRAMES);
  try {
    const error = make();
    if (!isDescribed) descriptor = describe(error);
    return descriptor === undefined ? error : Object.defineProperty(error, "stack", descriptor);
  } finally {
    Reflect.set(Error, "stackTraceLimit", limit);
  }
}
