/**
 * One file or directory that the host watches.
 *
 * The host says that something may have happened to a name, and hosts and systems differ in what they say: once or twice, of one name of a
 * move or of both. So it is only taken as a reason to look: what is there now, compared with what was there at the last look, is what is
 * told. What came and went between two looks is not, and a change that leaves neither size nor times different is told of once too often
 * rather than not at all.
 *
 * @module
 */

import type { BigIntStats, FSWatcher } from "node:fs";
import { WatchEvent } from "../../flags.ts";
import { fs, paths } from "./builtin.ts";
import { factsOf, identityOf, type PathFile } from "./path_file.ts";

const { ATTRIB, CREATE, DELETE, DELETE_SELF, ISDIR, MODIFY } = WatchEvent;

/** The events that can be told from one look to the next. */
export const knownEvents: number = ATTRIB | CREATE | DELETE | DELETE_SELF | MODIFY;

/** Who is told. */
export interface FileWatchOwner {
  /** Something happened, to the file itself or to what has this name in it. */
  tell(events: number, name: string): void;
  /** Nothing more will. */
  gone(): void;
}

/** See the head of this module. */
export class FileWatch {
  readonly #file: PathFile;
  readonly #owner: FileWatchOwner;
  readonly #watcher: FSWatcher;
  /** What was there at the last look: the file itself under "", what is in a directory by its name. */
  readonly #facts = new Map<string, BigIntStats>();

  /** Throws what the host throws. */
  constructor(file: PathFile, owner: FileWatchOwner) {
    this.#file = file;
    this.#owner = owner;
    // First the watch, then the look: what happens in between is told of by both, which shows as one.
    this.#watcher = fs().watch(file.path, { persistent: false });
    this.#watcher.unref();
    this.#watcher.on("change", (type, name) => {
      // To Deno the option says nothing, and what was unreferenced is so until the next event: it waits for that a microtask or two later.
      setImmediate(() => this.#watcher.unref());
      this.#look(type === "change", typeof name === "string" ? name : undefined);
    });
    this.#watcher.on("error", () => owner.gone());
    for (const name of this.#names()) this.#note(name, factsOf(this.#pathOf(name)));
  }

  /** Ends it. */
  close(): void {
    this.#watcher.close();
  }

  #look(isChange: boolean, name: string | undefined): void {
    if (!this.#file.isThere) {
      this.#owner.tell(DELETE_SELF, "");
      this.#owner.gone();
    } else if (!this.#file.isDirectory) this.#compare("", isChange);
    else if (name !== undefined) this.#compare(name, isChange);
    else for (const each of new Set([...this.#facts.keys(), ...this.#names()])) this.#compare(each, false);
  }

  #compare(name: string, isChange: boolean): void {
    const before = this.#facts.get(name);
    const now = factsOf(this.#pathOf(name));
    this.#note(name, now);
    const events = difference(before, now) || (isChange && now?.isFile() ? MODIFY : 0);
    if (events !== 0) this.#owner.tell(events | ((now ?? before)!.isDirectory() ? ISDIR : 0), name);
  }

  #note(name: string, facts: BigIntStats | undefined): void {
    if (facts === undefined) this.#facts.delete(name);
    else this.#facts.set(name, facts);
  }

  #names(): string[] {
    try {
      return this.#file.isDirectory ? fs().readdirSync(this.#file.path) : [""];
    } catch {
      return []; // it has just gone, and the host is about to say so
    }
  }

  #pathOf(name: string): string {
    return name === "" ? this.#file.path : paths().join(this.#file.path, name);
  }
}

/** What happened to a name between two looks; 0: nothing. */
function difference(before: BigIntStats | undefined, now: BigIntStats | undefined): number {
  if (before === undefined) return now === undefined ? 0 : CREATE;
  if (now === undefined) return DELETE;
  if (identityOf(before) !== identityOf(now)) return CREATE; // another file came in its place
  if (!now.isDirectory() && (before.mtimeNs !== now.mtimeNs || before.size !== now.size)) return MODIFY;
  const isTouched = before.mode !== now.mode || before.uid !== now.uid || before.gid !== now.gid;
  return isTouched || (!now.isDirectory() && before.ctimeNs !== now.ctimeNs) ? ATTRIB : 0;
}
