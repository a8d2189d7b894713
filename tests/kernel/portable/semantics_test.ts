/**
 * The tests of loops, futures and fibers once more, on the portable kernel: its own code, on a host whose time is stepped.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { useKernels } from "../../_virtual_kernel.ts";
import { lackingFiles, lackingKinds, lackingTests } from "./semantics_lacking.ts";
import { steppedKernel } from "./stepped_kernel.ts";

/** Such a file runs on a virtual kernel alone: what is registered by `ioTest` runs on all of them already. */
const isVirtual = /\b(simulated\(|new Simulation\(|loopTest\(|virtualKernel\()/;
/** The name of a test that is registered for each kernel by itself. */
const hasItsKernel = /\((linux|portable)\)$/i;
/** That of one that is registered for the simulated kernel among others: it takes whichever is meant here. */
const isVirtualOne = / \(simulated\)$/;
const tests = new URL("../../", import.meta.url);
const register = Deno.test;
/** Beginnings of names in the list of what is lacking that no test has. */
const unknown: string[] = [];

/** Registers the tests of one file, those that cannot run as ignored. */
async function registerAgain(file: string): Promise<void> {
  const reasons = Object.entries(lackingTests[file] ?? {}).flatMap(([lack, names]) => names.map((name) => ({ name, lack })));
  const unmet = new Set(reasons.map(({ name }) => name));
  const registerOnce = (...args: unknown[]) => {
    const definition = definitionOf(args);
    if (hasItsKernel.test(definition.name)) return;
    const reason = reasons.find(({ name }) => definition.name.startsWith(name));
    if (reason !== undefined) unmet.delete(reason.name);
    const lack = lackingFiles[file] ?? reason?.lack ?? lackingKinds.find(([kind]) => kind.test(definition.name))?.[1];
    const title = lack === undefined ? "portable" : `portable lacks ${lack}`;
    register({
      ...definition,
      name: `${file}: ${definition.name.replace(isVirtualOne, "")} (${title})`,
      ignore: definition.ignore || lack !== undefined,
    });
  };
  Object.assign(Deno, { test: registerOnce });
  try {
    await import(new URL(file, tests).href);
  } finally {
    Object.assign(Deno, { test: register });
  }
  unknown.push(...[...unmet].map((name) => `${file}: ${name}`));
}

function definitionOf([first, second]: readonly unknown[]): Deno.TestDefinition {
  assert(typeof second === "function" || typeof first === "object", "A way to register tests that is not known here");
  return typeof first === "object" ? first as Deno.TestDefinition : { name: first as string, fn: second as () => void };
}

/** The files of a folder whose tests move time themselves. */
function virtualFiles(folder: string): string[] {
  const files = [...Deno.readDirSync(new URL(folder, tests))].map(({ name }) => folder + name).filter((file) => file.endsWith("_test.ts"));
  return files.filter((file) => isVirtual.test(Deno.readTextFileSync(new URL(file, tests)))).sort();
}

useKernels(steppedKernel);
const files = ["event/", "future/", "fiber/"].flatMap(virtualFiles);
for (const file of files) await registerAgain(file);

Deno.test("What the portable kernel is said to lack for a test stands for a test that there is", () => {
  assertEquals(unknown, []);
  for (const file of [...Object.keys(lackingFiles), ...Object.keys(lackingTests)]) assert(files.includes(file), `There is no ${file}`);
});

Deno.test("What is run on the portable kernel does not ask for the simulated one by its name", () => {
  const asking = files.filter((file) => /\bsimulatedKernel\(/.test(Deno.readTextFileSync(new URL(file, tests))));
  assertEquals(asking, [], "must call virtualKernel() instead");
});
