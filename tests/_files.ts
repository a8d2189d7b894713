/**
 * A directory of its own for a test, and what can be done in it: on a kernel's virtual tree, or on the real one.
 *
 * @module
 */

import * as fs from "node:fs";
import { check } from "../event/errno.ts";
import type { Handle, Kernel } from "../event/kernel/kernel.ts";
import { cString, libc, result } from "../event/kernel/linux/libc.ts";
import { linuxKernel } from "../event/kernel/linux/mod.ts";
import type { SimulatedKernel } from "../event/kernel/simulated/mod.ts";

/** The paths are from the directory on; what is refused is thrown. */
export interface FileHands {
  /** Where it is. */
  readonly directory: string;
  mkdir(path: string): void;
  symlink(target: string, path: string): void;
  /** Opens, makes where it is missing, writes to and closes a file. */
  write(path: string): void;
  /** Opens, reads and closes a file. */
  read(path: string): void;
  /** Makes this all that is in a file, and tells what is in one. */
  put(path: string, content: Uint8Array): void;
  get(path: string): Uint8Array;
  /** The names in the directory, sorted. */
  list(): string[];
  touch(path: string): void;
  rename(from: string, to: string): void;
  /** Removes a file, a link or an empty directory. */
  remove(path: string): void;
}

const O_CLOEXEC = 0x8_0000;

/** A directory in a virtual tree. */
export function virtualFiles({ files }: SimulatedKernel): FileHands {
  const directory = "/test";
  const at = (path: string) => `${directory}/${path}`;
  files.mkdir(directory);
  return {
    directory,
    mkdir: (path) => files.mkdir(at(path)),
    symlink: (target, path) => files.symlink(target, at(path)),
    write: (path) => files.write(at(path)),
    read: (path) => void files.read(at(path)),
    put: (path, content) => files.write(at(path), content),
    get: (path) => files.read(at(path)),
    list: () => files.list(directory),
    touch: (path) => files.touch(at(path)),
    rename: (from, to) => files.rename(at(from), at(to)),
    remove: (path) => files.remove(at(path)),
  };
}

/** A directory of the system's for things that do not last; disposing it removes it with all that is in it. */
export function realFiles(): FileHands & Disposable {
  const around = fs.realpathSync(fs.mkdtempSync("/tmp/sd-fibers-"));
  const directory = `${around}/test`;
  const at = (path: string) => `${directory}/${path}`;
  fs.mkdirSync(directory);
  return {
    directory,
    mkdir: (path) => fs.mkdirSync(at(path)),
    symlink: (target, path) => fs.symlinkSync(target, at(path)),
    write: (path) =>
      withFile(at(path), fs.constants.O_WRONLY | fs.constants.O_CREAT, (kernel, file) => kernel.tryWrite(file, new Uint8Array(1))),
    read: (path) => withFile(at(path), fs.constants.O_RDONLY, (kernel, file) => kernel.tryRead(file, new Uint8Array(1))),
    put: (path, content) => fs.writeFileSync(at(path), content),
    get: (path) => new Uint8Array(fs.readFileSync(at(path))),
    list: () => fs.readdirSync(directory).sort(),
    touch: (path) => fs.utimesSync(at(path), 1, 1),
    rename: (from, to) => fs.renameSync(at(from), at(to)),
    remove: (path) => fs.lstatSync(at(path)).isDirectory() ? fs.rmdirSync(at(path)) : fs.unlinkSync(at(path)),
    [Symbol.dispose]: () => fs.rmSync(around, { recursive: true }),
  };
}

/** The host would not make what a link leads to and is not there, unless it was granted everything. */
function withFile(path: string, flags: number, use: (kernel: Kernel, file: Handle) => void): void {
  const kernel = linuxKernel();
  const file = check(result(libc.open(cString(path)!, flags | O_CLOEXEC, 0o600)), (code) => `Cannot open '${path}': ${code}`);
  use(kernel, file);
  kernel.close(file);
}
