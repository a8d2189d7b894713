/**
 * Files that are named to be watched.
 *
 * @module
 */

import type { BigIntStats } from "node:fs";
import { Errno } from "../../errno.ts";
import { WatchEvent } from "../../flags.ts";
import { OpenFile } from "../emulated/open_file.ts";
import type { Result } from "../kernel.ts";
import { fs, paths } from "./builtin.ts";
import { errnoOf } from "./host_error.ts";
import { isGranted } from "./permissions.ts";

/** What the handle of a path stands for: the host cannot hold the file itself, so it is known by its numbers. */
export class PathFile extends OpenFile {
  /** Without links, but for its last name where that is a link. */
  readonly path: string;
  readonly identity: string;
  readonly isDirectory: boolean;
  readonly isLink: boolean;

  constructor(path: string, facts: BigIntStats) {
    super();
    this.path = path;
    this.identity = identityOf(facts);
    this.isDirectory = facts.isDirectory();
    this.isLink = facts.isSymbolicLink();
  }

  /** The file of a path, as far as `mask` says how, or what is wrong with it. */
  static open(path: string, mask: number): PathFile | Result {
    if (path === "") return -Errno.ENOENT;
    if (path.includes("\0")) return -Errno.EINVAL;
    if (!isGranted({ name: "read", path })) return -Errno.EACCES;
    const follows = (mask & WatchEvent.DONT_FOLLOW) === 0;
    try {
      const facts = (follows ? fs().statSync : fs().lstatSync)(path, { bigint: true });
      if ((mask & WatchEvent.ONLYDIR) !== 0 && !facts.isDirectory()) return -Errno.ENOTDIR;
      return new PathFile(follows ? fs().realpathSync(path) : resolveButLast(path), facts);
    } catch (error) {
      return -errnoOf(error);
    }
  }

  get description(): string {
    return `path ${this.path}`;
  }

  override get watchable(): boolean {
    return false;
  }

  /** Whether the path still leads to it. */
  get isThere(): boolean {
    const facts = factsOf(this.path);
    return facts !== undefined && identityOf(facts) === this.identity;
  }

  override read(_buffer: Uint8Array): Result {
    return -Errno.EBADF;
  }

  override write(_data: Uint8Array): Result {
    return -Errno.EBADF;
  }
}

/** Without links, but for the last name. */
function resolveButLast(path: string): string {
  const { basename, dirname, join, resolve } = paths();
  return join(fs().realpathSync(dirname(resolve(path))), basename(path));
}

/** What the system knows of a file, links not followed; `undefined` where nothing is, or nothing can be seen. */
export function factsOf(path: string): BigIntStats | undefined {
  try {
    return fs().lstatSync(path, { bigint: true });
  } catch {
    return undefined;
  }
}

/** The numbers that name a file as long as it lives. */
export function identityOf({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`;
}
