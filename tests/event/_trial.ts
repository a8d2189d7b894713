/**
 * A test of the loop that holds under both polling rules: a simulation with numbered steps.
 *
 * @module
 */

import { SystemError } from "@sd/fibers";
import { assert, assertEquals } from "@std/assert";
import type { SimulationOptions } from "../../event/mod.ts";
import { Simulation } from "../_simulation.ts";
import { Steps } from "../_steps.ts";

/** What polling rules there are. */
export type Polling = "batch" | "every";

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** A simulation, the steps of a test, and what is there to read and write. */
export class Trial extends Simulation {
  readonly steps: Steps = new Steps();
  readonly polling: Polling;
  #handles: number[] = [];
  #processes: number[] = [];

  constructor(options: SimulationOptions & { polling?: Polling } = {}) {
    super(options);
    this.polling = options.polling ?? "batch";
  }

  /** A callback that is step `numbers[0]` when it is first called, `numbers[1]` the second time, and so on. */
  readonly at = (...numbers: number[]): () => void => () => this.steps.expect(numbers.shift() ?? NaN);

  /** A pipe that is closed at the end, and may be closed before. */
  pipe(): { reader: number; writer: number } {
    const pipe = this.kernel.pipe();
    this.#handles.push(pipe.reader, pipe.writer);
    return pipe;
  }

  /** Writes a text: what the call answers. */
  write(handle: number, text: string): number {
    return this.kernel.tryWrite(handle, encoder.encode(text));
  }

  /** What there is to read, nothing or the end included. */
  read(handle: number): string {
    const buffer = new Uint8Array(1_000);
    return decoder.decode(buffer.subarray(0, Math.max(0, this.kernel.tryRead(handle, buffer))));
  }

  /** Closes it now and not at the end. */
  close(handle: number): void {
    this.#handles = this.#handles.filter((each) => each !== handle);
    this.kernel.close(handle);
  }

  /** A process that does what `script` says; it is reaped at the end if nobody did. */
  spawnProcess(script: Parameters<Trial["kernel"]["program"]>[1] = () => {}): { pid: number; handle: number } {
    this.kernel.program("program", script);
    const nothing = {
      cwd: undefined,
      env: {},
      clearEnv: false,
      stdin: "null",
      stdout: "null",
      stderr: "null",
      processGroup: false,
    } as const;
    const spawned = this.kernel.spawn({ command: "program", args: [], ...nothing });
    assert(typeof spawned === "object");
    this.#handles.push(spawned.handle);
    this.#processes.push(spawned.handle);
    return { pid: spawned.pid, handle: spawned.handle };
  }

  /** Something that cannot be waited for: the null device, as a child has it. */
  unwatchable(): number {
    let handle = -1;
    this.spawnProcess(({ stdin }) => handle = this.kernel.duplicate(stdin));
    this.kernel.advance(0);
    this.#handles.push(handle);
    return handle;
  }

  /** As it stands: a loop is disposed of without being asked for exit. */
  override end(): { reported: string[]; left: string[] } {
    this.loop[Symbol.dispose]();
    for (const handle of this.#processes) {
      this.kernel.signalProcess(handle, 9, undefined);
      this.kernel.reapKilledProcess(handle);
    }
    for (const handle of this.#handles) this.kernel.close(handle);
    return super.end();
  }
}

/** Registers a test that is run under both polling rules. */
export function loopTest(name: string, body: (trial: Trial) => void | Promise<void>, options: SimulationOptions = {}): void {
  for (const polling of ["batch", "every"] as const) {
    Deno.test(`${name} (${polling})`, () => tryOut(new Trial({ ...options, polling }), body));
  }
}

/** What failed in a callback comes before what failed because of that. */
async function tryOut(trial: Trial, body: (trial: Trial) => void | Promise<void>): Promise<void> {
  try {
    await body(trial);
  } catch (error) {
    throw trial.takeReports()[0]?.error ?? error;
  }
  assertEquals(trial.end(), { reported: [], left: [] });
}

/** The code of the error that the promise rejects with; `undefined` when it fulfils. */
export async function rejectionOf(promise: Promise<unknown>): Promise<string | undefined> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    assert(error instanceof SystemError, `Not a SystemError: ${error}`);
    return error.code;
  }
}
