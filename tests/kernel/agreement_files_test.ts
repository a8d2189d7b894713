/**
 * The simulated file tree against a real one: the same changes, drawn from a seed, give each watch the same records.
 *
 * In which order the records of different watches come is left out, since one version of Linux does not do it as another.
 *
 * @module
 */

import { assertEquals, assertGreater } from "@std/assert";
import { errorCode, SystemError } from "../../event/errno.ts";
import { WatchEvent } from "../../event/flags.ts";
import type { Handle, Kernel } from "../../event/kernel/kernel.ts";
import { linuxKernel } from "../../event/kernel/linux/mod.ts";
import { simulatedKernel } from "../../event/kernel/simulated/mod.ts";
import { Random } from "../../event/kernel/simulated/random.ts";
import { allRecords, describe } from "../_file_records.ts";
import { type FileHands, realFiles, virtualFiles } from "../_files.ts";

const names = ["a", "b", "c"];
const masks = [
  WatchEvent.ALL_EVENTS,
  WatchEvent.ALL_EVENTS,
  WatchEvent.CREATE | WatchEvent.DELETE,
  WatchEvent.MODIFY,
  WatchEvent.ONESHOT | 6,
  0,
];

class Side {
  readonly kernel: Kernel;
  readonly files: FileHands;
  readonly watcher: Handle;
  readonly #kept: Handle[] = [];

  constructor(kernel: Kernel, files: FileHands) {
    this.kernel = kernel;
    this.files = files;
    this.watcher = kernel.openFileWatcher();
  }

  /** The number of the watch, or the error's name. */
  watch(path: string, flags: number, mask: number): number | string {
    const file = this.kernel.openPath(`${this.files.directory}/${path}`, flags);
    if (file < 0) return errorCode(-file);
    const watch = this.kernel.addFileWatch(this.watcher, file, mask);
    this.kernel.close(file);
    return watch < 0 ? errorCode(-watch) : watch;
  }

  /** Keeps a file: where it is, or the error's name. */
  keep(path: string): string {
    const file = this.kernel.openPath(`${this.files.directory}/${path}`, WatchEvent.DONT_FOLLOW);
    if (file < 0) return errorCode(-file);
    this.#kept.push(file);
    return this.#placeOf(file);
  }

  letGo(): string {
    const file = this.#kept.shift();
    if (file === undefined) return "";
    const place = this.#placeOf(file);
    this.kernel.close(file);
    return place;
  }

  #placeOf(file: Handle): string {
    return `${this.kernel.pathOf(file)}`.replace(this.files.directory, "");
  }

  /** What waits, by watch. */
  records(): Record<number, string[]> {
    const byWatch: Record<number, string[]> = {};
    for (const record of allRecords(this.kernel, this.watcher)) (byWatch[record.wd] ??= []).push(describe(record));
    return byWatch;
  }

  end(): void {
    while (this.letGo() !== "");
    this.kernel.close(this.watcher);
  }
}

/** The error's code of a change that is refused. */
function attempt(change: () => void): string {
  try {
    change();
    return "done";
  } catch (error) {
    if (error instanceof SystemError) return error.code;
    return (error as { code: string }).code;
  }
}

type Step = (side: Side) => unknown;

function drawStep(random: Random): [name: string, step: Step] {
  const pick = <T>(choices: readonly T[]): T => choices[random.upTo(choices.length) - 1];
  const drawPath = () => Array.from({ length: random.upTo(2) }, () => pick(names)).join("/");
  const path = drawPath();
  const other = drawPath();
  const target = pick([...names, "../a", "b/c"]);
  const flags = pick([0, 0, WatchEvent.DONT_FOLLOW, WatchEvent.ONLYDIR]);
  const mask = pick(masks);
  const number = random.upTo(10);
  return pick<[string, Step]>([
    [`mkdir ${path}`, ({ files }) => attempt(() => files.mkdir(path))],
    [`mkdir ${path}`, ({ files }) => attempt(() => files.mkdir(path))],
    [`write ${path}`, ({ files }) => attempt(() => files.write(path))],
    [`write ${path}`, ({ files }) => attempt(() => files.write(path))],
    [`touch ${path}`, ({ files }) => attempt(() => files.touch(path))],
    [`rename ${path} ${other}`, ({ files }) => attempt(() => files.rename(path, other))],
    [`rename ${path} ${other}`, ({ files }) => attempt(() => files.rename(path, other))],
    [`symlink ${target} ${path}`, ({ files }) => attempt(() => files.symlink(target, path))],
    [`remove ${path}`, ({ files }) => attempt(() => files.remove(path))],
    [`remove ${path}`, ({ files }) => attempt(() => files.remove(path))],
    [`watch ${path} ${flags} ${mask}`, (side) => side.watch(path, flags, mask)],
    [`watch ${path} ${flags} ${mask}`, (side) => side.watch(path, flags, mask)],
    [`watch .`, (side) => side.watch(".", 0, WatchEvent.ALL_EVENTS)],
    [`unwatch ${number}`, ({ kernel, watcher }) => kernel.removeFileWatch(watcher, number)],
    [`keep ${path}`, (side) => side.keep(path)],
    ["let go", (side) => side.letGo()],
  ]);
}

Deno.test("The simulated kernel and the Linux one agree on what watches of files tell", () => {
  let told = 0;
  for (let seed = 0; seed < 50; seed++) {
    const random = new Random(seed);
    using real = realFiles();
    const simulated = simulatedKernel();
    const sides = [new Side(simulated, virtualFiles(simulated)), new Side(linuxKernel(), real)];
    const log: string[] = [];
    for (let count = 0; count < 120; count++) {
      const [name, step] = drawStep(random);
      log.push(name);
      const [virtual, actual] = sides.map((side) => ({ answer: step(side), records: side.records() }));
      assertEquals(virtual, actual, `Seed ${seed}, the last of: ${log.join("; ")}`);
      told += Object.values(actual.records).flat().length;
    }
    for (const side of sides) side.end();
    assertEquals(simulated.leaks(), []);
  }
  assertGreater(told, 1_000);
});
