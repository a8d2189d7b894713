/**
 * The children that a loop watches (sd-event, section 9.4.3).
 *
 * Who only waits for a child's exit watches its process handle. Stopping and continuing no handle reports, so for these SIGCHLD asks
 * for a look at each such child, one by one: a look at "any child" would take the news of children that nobody here knows.
 *
 * @module
 */

import type { LoopCore } from "./loop_core.ts";
import type { SourceNode } from "./source_node.ts";

/** See the head of this module. */
export class ChildTable {
  readonly #byPid: Map<number, SourceNode> = new Map();
  readonly #scanned: Set<SourceNode> = new Set();
  /** A look at the children is due. */
  scanWanted: boolean = false;
  /** Some were not looked at for their priority. */
  #hasLeftOut = false;

  /** SIGCHLD is wanted. */
  get wantsSignal(): boolean {
    return this.#scanned.size > 0;
  }

  has(pid: number): boolean {
    return this.#byPid.has(pid);
  }

  add(pid: number, node: SourceNode): void {
    this.#byPid.set(pid, node);
  }

  delete(pid: number): void {
    this.#byPid.delete(pid);
  }

  /** It is online and needs looking at; what has happened already is to be found too. */
  startScanning(node: SourceNode): void {
    this.#scanned.add(node);
    this.scanWanted = true;
  }

  isScanning(node: SourceNode): boolean {
    return this.#scanned.has(node);
  }

  /** `false`: it was not scanned. */
  stopScanning(node: SourceNode): boolean {
    return this.#scanned.delete(node);
  }

  /** It was pending and is not any more: what has happened meanwhile, nobody has looked at. */
  lookAgain(node: SourceNode): void {
    if (this.#scanned.has(node)) this.scanWanted = true;
  }

  /** Looks at all whose priority is within `threshold`; the best priority that became pending by that. */
  scan(threshold: number): number | undefined {
    this.scanWanted = false;
    let best: number | undefined = undefined;
    for (const node of this.#scanned) {
      if (node.rank > threshold) this.#hasLeftOut = true;
      if (node.isPending || node.rank > threshold) continue;
      node.kind.ready(node, 0);
      if (node.isPending && (best === undefined || node.rank < best)) best = node.rank;
    }
    return best;
  }

  /** The looks of one wait are over: the next wait looks at those that were left out, as SIGCHLD will not come a second time. */
  endScan(): void {
    if (this.#hasLeftOut) this.scanWanted = true;
    this.#hasLeftOut = false;
  }
}

/** The loop's table, made with the first child. */
export function childTable(core: LoopCore): ChildTable {
  return core.children ??= new ChildTable();
}
