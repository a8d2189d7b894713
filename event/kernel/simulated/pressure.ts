/**
 * What tells of pressure in the virtual world: the system's own files, and what somebody else put in their place.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import { IoEvent } from "../../flags.ts";
import type { PressureResource, Result } from "../kernel.ts";
import { Fifo, type FifoEnd } from "./fifo.ts";
import { OpenFile } from "../emulated/open_file.ts";
import type { SimulatedPressure, SimulatedPressureKind } from "./simulated_kernel.ts";

const resources: readonly PressureResource[] = ["memory", "cpu", "io"];

/** What windows the system takes, in microseconds. */
const shortestWindow = 500_000;
const longestWindow = 10_000_000;

const decoder = new TextDecoder();

/** The pressure of which a file is to tell. */
interface Trigger {
  readonly level: "some" | "full";
  readonly threshold: number;
}

/** A pressure file of the system's own, opened. */
export class PressureFile extends OpenFile {
  readonly resource: PressureResource;
  readonly #path: string;
  readonly #writable: boolean;
  readonly #onRelease: (file: PressureFile) => void;
  #trigger: Trigger | undefined;
  #hasNews = false;

  constructor(resource: PressureResource, path: string, writable: boolean, onRelease: (file: PressureFile) => void) {
    super();
    this.resource = resource;
    this.#path = path;
    this.#writable = writable;
    this.#onRelease = onRelease;
  }

  get description(): string {
    return `pressure file ${this.#path}`;
  }

  /** As on Linux: always ready but for news, and an error as long as it does not know what to tell of. */
  override readiness(): number {
    const always = IoEvent.IN | IoEvent.OUT;
    if (this.#trigger === undefined) return always | IoEvent.PRI | IoEvent.ERR;
    return this.#hasNews ? always | IoEvent.PRI : always;
  }

  /** News is told once. */
  override reported(events: number): void {
    if ((events & IoEvent.PRI) !== 0) this.#hasNews = false;
  }

  override read(_buffer: Uint8Array): Result {
    return 0;
  }

  /** Takes the configuration. As on Linux the last byte is not looked at: it should be the 0 that ends the text. */
  override write(data: Uint8Array): Result {
    if (!this.#writable) return -Errno.EBADF;
    if (this.#trigger !== undefined) return -Errno.EBUSY;
    const trigger = parseTrigger(decoder.decode(data.subarray(0, -1)));
    if (trigger === undefined) return -Errno.EINVAL;
    this.#trigger = trigger;
    return data.length;
  }

  /** There was pressure on its resource. */
  press({ level, stallUsec }: Required<SimulatedPressure>): void {
    const trigger = this.#trigger;
    if (trigger === undefined || stallUsec < trigger.threshold || (trigger.level === "full" && level === "some")) return;
    this.#hasNews = true;
    this.notify(IoEvent.PRI);
  }

  override release(): void {
    this.#onRelease(this);
  }
}

function parseTrigger(text: string): Trigger | undefined {
  const [, level, threshold, window] = /^(some|full) (\d+) (\d+)$/.exec(text) ?? [];
  if (level === undefined || Number(window) < shortestWindow || Number(window) > longestWindow) return undefined;
  if (Number(threshold) === 0 || Number(threshold) > Number(window)) return undefined;
  return { level: level as Trigger["level"], threshold: Number(threshold) };
}

/** All that tells of pressure. */
export class PressureFiles {
  readonly #places = new Map<string, PressureResource | Fifo | "block-device">();
  readonly #open = new Set<PressureFile>();

  constructor() {
    for (const resource of resources) for (const path of pathsOf(resource)) this.#places.set(path, resource);
  }

  /** Puts something at a path, or takes away what is there. */
  place(path: string, kind: SimulatedPressureKind | undefined): void {
    if (kind === undefined) this.#places.delete(path);
    else this.#places.set(path, kind === "fifo" ? new Fifo(path) : kind);
  }

  /** Where the system's own are to be looked for. */
  paths(resource: PressureResource): readonly string[] | Result {
    return resources.every((each) => this.#places.get(pathsOf(each)[1]) === each) ? pathsOf(resource) : -Errno.EOPNOTSUPP;
  }

  /** What is at a path, opened; `undefined`: nothing that is known here. */
  open(path: string, writable: boolean): PressureFile | FifoEnd | Result | undefined {
    const place = this.#places.get(path);
    if (place === undefined) return undefined;
    if (place === "block-device") return -Errno.EBADF;
    if (place instanceof Fifo) return place.open(writable);
    const file = new PressureFile(place, path, writable, (file) => this.#open.delete(file));
    this.#open.add(file);
    return file;
  }

  /** There was pressure on a resource. */
  press(resource: PressureResource, pressure: SimulatedPressure): void {
    for (const file of this.#open) {
      if (file.resource === resource) file.press({ level: pressure.level ?? "some", stallUsec: pressure.stallUsec ?? Infinity });
    }
  }
}

/** As a process in a control group of its own finds them. */
function pathsOf(resource: PressureResource): readonly [ofGroup: string, ofSystem: string] {
  return [`/sys/fs/cgroup/simulation/${resource}.pressure`, `/proc/pressure/${resource}`];
}
