/**
 * libc: where it is, how it is opened, and how its errors, strings and memory are reached.
 *
 * A program is granted the one file that holds libc, by its absolute path (`--allow-ffi=/lib/x86_64-linux-gnu/libc.so.6`), and nothing else. So the
 * well-known places are tried, each if it is granted. Whether a file is there cannot be asked without a permission to read; opening it tells.
 *
 * @module
 */

import { Errno, SystemError } from "../../errno.ts";
import type { Result } from "../kernel.ts";
import { firstSymbols, otherSymbols, type SymbolTable } from "./symbols.ts";

type AllSymbols = typeof firstSymbols.hot & typeof firstSymbols.cold & typeof otherSymbols.hot & typeof otherSymbols.cold;

/** The opened libc: its functions by their names in the tables of symbols.ts. */
export type Libc = Deno.DynamicLibrary<AllSymbols>["symbols"];

/** An address in libc's memory. */
export type Address = bigint;

/** What a cold function is given in addition, see `load`. */
const surplusType: Deno.NativeType = { struct: ["u8"] };
const surplus = new Uint8Array(1);

function gnuPlaces(processor: string): readonly string[] {
  return [
    `/lib/${processor}-linux-gnu/libc.so.6`, // Debian and its kin
    `/usr/lib/${processor}-linux-gnu/libc.so.6`,
    "/lib64/libc.so.6", // Fedora, SUSE
    "/usr/lib64/libc.so.6",
    "/usr/lib/libc.so.6", // Arch
    "/lib/libc.so.6",
    "/usr/local/lib/libc.so.6", // the host's own image on Alpine
  ];
}

function muslPlaces(processor: string): readonly string[] {
  return [`/lib/libc.musl-${processor}.so.1`, `/lib/ld-musl-${processor}.so.1`];
}

/** The processor is a 64-bit Arm, not an x86-64: some system calls and structs differ. Also asked where there is no host. */
export const isArm: boolean = globalThis.Deno?.build.arch === "aarch64";

/** libc, once {@linkcode openLibc} has returned. */
export let libc: Libc;

let isOpen = false;
let errnoAddress: Address;
const errnoCell = new Int32Array(1);

/**
 * Opens libc unless it is open, for this isolate and for as long as it lives.
 *
 * @throws {SystemError} EOPNOTSUPP on any other system than Linux on x86-64 or 64-bit Arm, EPERM when no place of libc is granted, ELIBACC when
 * none of the granted ones can be loaded.
 */
export function openLibc(): void {
  if (isOpen) return;
  const candidates = libcPlaces();
  const failures = openGranted(candidates);
  if (!isOpen) throw failures.length === 0 ? notPermitted(candidates) : notLoadable(failures, candidates);
}

/**
 * Opens libc if that is permitted and works: whether it is open. Where it is not permitted, which is nothing unusual, no error is made: when a
 * module is evaluated that can take the engine 20 ms, which parses all of a bundle again to learn where it stands.
 */
export function openLibcIfPermitted(): boolean {
  if (!isOpen) openGranted(placesHere() ?? []);
  return isOpen;
}

/**
 * Where libc may be on this system, the likeliest place first.
 *
 * @throws {SystemError} EOPNOTSUPP on any other system than Linux on x86-64 or 64-bit Arm.
 */
export function libcPlaces(): readonly string[] {
  if (typeof Deno === "undefined") {
    throw new SystemError("EOPNOTSUPP", "Cannot use the Linux kernel: libc is reached by Deno's FFI, run the program with Deno");
  }
  const found = placesHere();
  if (found !== undefined) return found;
  throw new SystemError(
    "EOPNOTSUPP",
    `Cannot use the Linux kernel on '${Deno.build.target}': not supported, it needs Linux on x86-64 or 64-bit Arm`,
  );
}

/** The same, `undefined` on any other system. The C library is the one that the host itself was built for: a process must not load the other one. */
function placesHere(): readonly string[] | undefined {
  if (typeof Deno === "undefined") return undefined;
  const { os, arch, env } = Deno.build;
  if (os !== "linux" || (arch !== "x86_64" && arch !== "aarch64")) return undefined;
  return env === "gnu" ? gnuPlaces(arch) : env === "musl" ? muslPlaces(arch) : undefined;
}

/** A place that is granted, and why libc cannot be loaded from there. */
interface LoadFailure {
  readonly path: string;
  readonly error: unknown;
}

/** Opens the first place that is granted and works, or, where all of FFI is granted, libc's bare name: those that were granted and did not work. */
function openGranted(candidates: readonly string[]): LoadFailure[] {
  const failures: LoadFailure[] = [];
  for (const path of candidates) {
    if (isGranted(path) && opensFrom(path, failures)) return failures;
  }
  if (candidates.length > 0 && isGranted(undefined)) opensFrom("libc.so.6", failures);
  return failures;
}

function isGranted(path: string | undefined): boolean {
  return Deno.permissions.querySync({ name: "ffi", path }).state === "granted";
}

function opensFrom(path: string, failures: LoadFailure[]): boolean {
  try {
    const first = load(path, firstSymbols);
    libc = isTest() ? loadOthers(first, path) : withOthersLater(first, path);
  } catch (error) {
    failures.push({ path, error });
    return false;
  }
  // Every thread has an errno of its own, and an isolate stays on its thread.
  errnoAddress = libc.__errno_location();
  isOpen = true;
  return true;
}

/**
 * Whether this may be a test: a library that is opened within one counts as a leak there, so nothing is left for later. Outside of tests the host's
 * `Deno.test` does nothing, and has another name. Where that is not so either, all is opened at once, which is only slower.
 */
function isTest(): boolean {
  return Deno.test?.name !== "noopTest";
}

type Callable = (...args: unknown[]) => unknown;
type Functions = Record<string, Callable>;

function loadOthers(first: Functions, path: string): Libc {
  return { ...first, ...load(path, otherSymbols) } as unknown as Libc;
}

/** What is open, and stand-ins for the others, the first of which opens them all and puts what is then complete in place of this. */
function withOthersLater(first: Functions, path: string): Libc {
  let all: Libc | undefined;
  const others = () => (all ??= libc = loadOthers(first, path)) as unknown as Functions;
  const standIns: Functions = {};
  for (const name of Object.keys(otherSymbols.hot)) standIns[name] = (...args) => others()[name](...args);
  for (const [name, symbol] of Object.entries(otherSymbols.cold)) {
    if ("parameters" in symbol) standIns[name] = (...args) => others()[name](...args);
    else Object.defineProperty(standIns, name, { get: () => others()[name] });
  }
  return Object.setPrototypeOf({ ...first }, standIns);
}

/**
 * The host does not compile a function that takes a struct. So each cold function is declared with one more parameter, a struct of one byte: neither
 * calling convention lets a function notice an argument too many. The table itself is changed, since copies of its rows would take half a
 * millisecond.
 */
function load(path: string, { hot, cold }: SymbolTable): Functions {
  const counts = new Map<string, number>();
  for (const [name, symbol] of Object.entries(cold)) {
    if (!("parameters" in symbol) || symbol.nonblocking) continue; // what is no function or runs on a thread is not compiled anyway
    if (symbol.parameters.at(-1) !== surplusType) (symbol.parameters as Deno.NativeType[]).push(surplusType);
    counts.set(name, symbol.parameters.length - 1);
  }
  const library = Deno.dlopen(path, { ...hot, ...cold }).symbols as Functions;
  for (const [name, count] of counts) library[name] = withSurplus(library[name], count);
  return { ...library }; // what the host gives is a dictionary, and slower to look into
}

/** By the number of arguments, as to pass them on in an array takes longer than many a call. */
function withSurplus(call: Callable, count: number): Callable {
  switch (count) {
    case 0:
      return () => call(surplus);
    case 1:
      return (a) => call(a, surplus);
    case 2:
      return (a, b) => call(a, b, surplus);
    case 3:
      return (a, b, c) => call(a, b, c, surplus);
    case 4:
      return (a, b, c, d) => call(a, b, c, d, surplus);
    case 5:
      return (a, b, c, d, e) => call(a, b, c, d, e, surplus);
    case 6:
      return (a, b, c, d, e, f) => call(a, b, c, d, e, f, surplus);
    default:
      return (...args) => call(...args, surplus);
  }
}

function notPermitted(candidates: readonly string[]): SystemError {
  return new SystemError(
    "EPERM",
    `Cannot use the Linux kernel: calling libc is not permitted, run with --allow-ffi=${candidates[0]} (or where else this system has it: ${
      candidates.slice(1).join(", ")
    })`,
  );
}

function notLoadable(failures: readonly LoadFailure[], candidates: readonly string[]): SystemError {
  const granted = failures.map(({ path }) => path).join("', '");
  return new SystemError(
    "ELIBACC",
    `Cannot load libc from '${granted}': no usable library there, run with --allow-ffi=<path> for the one this system has: ${
      candidates.join(", ")
    }`,
    { cause: failures[0].error },
  );
}

/**
 * The negated errno of the call that just failed. It must be asked before anything else is called. A failure whose errno got lost is EIO, since 0
 * would read as a success.
 */
export function failure(): Result {
  libc.copyFrom(errnoCell, errnoAddress, 4n);
  return -(errnoCell[0] || Errno.EIO);
}

/** What a call returned, or the negated errno if that was −1. */
export function result(returned: number): Result {
  return returned < 0 ? failure() : returned;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A string as C has it, in UTF-8 with a 0 at its end; `undefined` for one that has a 0 inside, which C cannot say. */
export function cString(text: string): Uint8Array<ArrayBuffer> | undefined {
  return text.includes("\0") ? undefined : encoder.encode(`${text}\0`);
}

/** The string at an address, up to its 0. */
export function stringAt(address: Address): string {
  return decoder.decode(bytesAt(address, Number(libc.strlen(address))));
}

/** A copy of the bytes at an address. */
export function bytesAt(address: Address, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  libc.copyFrom(bytes, address, BigInt(length));
  return bytes;
}

/**
 * Words of memory that a call may be given by their address again and again: those of a buffer that is made by itself are outside of the heap, where
 * the collector does not move them.
 */
export function fixedWords(length: number, values: readonly number[] = []): Int32Array<ArrayBuffer> {
  const words = new Int32Array(new ArrayBuffer(length * Int32Array.BYTES_PER_ELEMENT));
  words.set(values);
  return words;
}

/**
 * Where a buffer is: memcpy answers with its destination. The bytes of a buffer do not move. They stay as long as the buffer is held and not
 * transferred: so the address is good for one call, before anything else runs.
 */
export function addressOf(buffer: ArrayBufferView): Address {
  return libc.copyFrom(buffer as ArrayBufferView<ArrayBuffer>, errnoAddress, 0n);
}

/** A copy of bytes in memory of libc, to be given back by `libc.free`; 0 when there is no memory. */
export function allocateCopy(bytes: Uint8Array<ArrayBuffer>): Address {
  const address = libc.malloc(BigInt(bytes.byteLength || 1));
  if (address !== 0n) libc.copyTo(address, bytes, BigInt(bytes.byteLength));
  return address;
}
