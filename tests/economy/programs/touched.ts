/**
 * Watches those properties of the host that are loaded when somebody first looks at them, the functions of libraries that are opened, and the making
 * of errors. To be imported first.
 *
 * @module
 */

/** What was touched so far. */
export const touched: Set<string> = new Set();

/** Notes who looks at a property, and shows it as it is. */
function watch(owner: object, name: string): void {
  const own = Object.getOwnPropertyDescriptor(owner, name)!;
  const get = () => {
    touched.add(name);
    return own.get === undefined ? own.value : own.get.call(owner);
  };
  Object.defineProperty(owner, name, { configurable: true, enumerable: own.enumerable, get });
}

for (const name of ["process", "Buffer", "setTimeout", "clearTimeout", "setImmediate", "clearImmediate"]) watch(globalThis, name);
for (const name of ["Command", "listen", "connect", "openSync", "readFileSync", "watchFs"]) watch(Deno, name);

/** How many functions of libraries were opened. */
export let functionsOpened = 0;
const { dlopen } = Deno;
Object.defineProperty(Deno, "dlopen", {
  value: (path: string, symbols: Deno.ForeignLibraryInterface) => {
    functionsOpened += Object.keys(symbols).length;
    return dlopen(path, symbols);
  },
});

class NotedError extends Error {
  constructor(message?: string, options?: ErrorOptions) {
    super(message, options);
    touched.add("Error");
  }
}
globalThis.Error = NotedError as ErrorConstructor;
