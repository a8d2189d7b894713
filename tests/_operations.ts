/**
 * What the package exports that can be called, and which of it makes operations.
 *
 * @module
 */

import { assert } from "@std/assert";

/** An exported function, or a method of an exported class. */
export interface ExportedCall {
  /** `sleep`, or `Connection.read`. */
  readonly name: string;
  /** The class, of a method. */
  readonly owner: string | undefined;
  /** `sleep`, or `read`. */
  readonly ownName: string;
  readonly makesOperation: boolean;
  /** The class has it from another one. */
  readonly isInherited: boolean;
}

interface FunctionDoc {
  readonly returnType?: { readonly repr?: string };
}

interface MethodDoc {
  readonly name: string;
  readonly kind: string;
  readonly functionDef: FunctionDoc;
}

interface Definition extends FunctionDoc {
  readonly methods?: readonly MethodDoc[];
  readonly extends?: string;
}

interface SymbolDoc {
  readonly name: string;
  readonly declarations: readonly { readonly kind: string; readonly def: Definition }[];
}

/** As the documentation of `mod.ts` has them. */
export async function exportedCalls(): Promise<ExportedCall[]> {
  const symbols = await exportedSymbols();
  return symbols.flatMap(({ name, declarations }) =>
    declarations.flatMap(({ kind, def }): ExportedCall[] => {
      if (kind === "class") return methodCalls(symbols, name, def);
      if (kind !== "function") return [];
      return [{ name, owner: undefined, ownName: name, makesOperation: makesOperation(def), isInherited: false }];
    })
  );
}

function methodCalls(symbols: readonly SymbolDoc[], owner: string, def: Definition): ExportedCall[] {
  const own = methodsOf(def).filter(({ name }) => !name.startsWith("[")).map(({ name, functionDef }) => (
    { name: `${owner}.${name}`, owner, ownName: name, makesOperation: makesOperation(functionDef), isInherited: false }
  ));
  const parent = symbols.find(({ name }) => name === def.extends)?.declarations[0];
  const inherited = parent === undefined ? [] : methodCalls(symbols, owner, parent.def);
  return [...own, ...inherited.map((call) => ({ ...call, isInherited: true }))];
}

/** The calls that make operations, each with the class that it is of, and the classes whose instances are operations (`yield* future`). */
export async function exportedOperations(): Promise<string[]> {
  const calls = await exportedCalls();
  const classes = (await exportedSymbols()).filter(({ declarations }) =>
    declarations.some(({ kind, def }) => kind === "class" && methodsOf(def).some(({ name }) => name === "[Symbol.iterator]"))
  );
  return [...calls.filter((call) => call.makesOperation && !call.isInherited), ...classes].map(({ name }) => name);
}

let symbols: Promise<readonly SymbolDoc[]> | undefined;

function exportedSymbols(): Promise<readonly SymbolDoc[]> {
  return symbols ??= readSymbols();
}

async function readSymbols(): Promise<readonly SymbolDoc[]> {
  const entry = new URL("../mod.ts", import.meta.url).href;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args: ["doc", "--json", entry] }).output();
  assert(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout)).nodes[entry].symbols;
}

function methodsOf({ methods = [] }: Definition): readonly MethodDoc[] {
  return methods.filter(({ kind }) => kind === "method");
}

function makesOperation({ returnType }: FunctionDoc): boolean {
  return returnType?.repr === "Operation" || returnType?.repr === "SelectableOperation";
}
