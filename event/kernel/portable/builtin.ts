/**
 * Node's own modules, by the name of each, loaded when somebody first calls for one.
 *
 * To import them would take a program on the Linux kernel, which needs none of them, as long as all the rest of the package.
 *
 * @module
 */

/** `node:buffer`. */
export const buffer: () => typeof import("node:buffer") = lazily("node:buffer");
/** `node:child_process`. */
export const childProcess: () => typeof import("node:child_process") = lazily("node:child_process");
/** `node:crypto`. */
export const crypto: () => typeof import("node:crypto") = lazily("node:crypto");
/** `node:dgram`. */
export const dgram: () => typeof import("node:dgram") = lazily("node:dgram");
/** `node:dns`. */
export const dns: () => typeof import("node:dns") = lazily("node:dns");
/** `node:fs`. */
export const fs: () => typeof import("node:fs") = lazily("node:fs");
/** `node:fs/promises`. */
export const fsPromises: () => typeof import("node:fs/promises") = lazily("node:fs/promises");
/** `node:net`. */
export const net: () => typeof import("node:net") = lazily("node:net");
/** `node:os`. */
export const os: () => typeof import("node:os") = lazily("node:os");
/** `node:path`. */
export const paths: () => typeof import("node:path") = lazily("node:path");
/** `node:process`. */
export const hostProcess: () => typeof import("node:process") = lazily("node:process");
/** `node:stream`. */
export const stream: () => typeof import("node:stream") = lazily("node:stream");
/** `node:tls`. */
export const tls: () => typeof import("node:tls") = lazily("node:tls");
/** `node:util`. */
export const util: () => typeof import("node:util") = lazily("node:util");

function lazily<M>(name: string): () => M {
  let module: M | undefined = undefined;
  return () => module ??= (globalThis as unknown as Host).process.getBuiltinModule(name) as M;
}

/** What Deno, Node and Bun have in common. */
interface Host {
  readonly process: { getBuiltinModule(name: string): unknown };
}
