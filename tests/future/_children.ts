/**
 * Children for groups, which note what is asked of them.
 *
 * @module
 */

import { type EventLoop, Future } from "@sd/fibers";

/** One future, and its other end. */
export interface Child {
  readonly name: string;
  readonly future: Future<string>;
  succeed(): void;
  fail(): void;
}

/** What a child does when it is cancelled. */
export type OnCancel = "ends" | "goes on" | "throws" | ((child: Child, reason: unknown) => void);

/** Makes children whose values are their names, and whose errors say that they failed. */
export class Children {
  /** "cancel a", in order. */
  readonly log: string[] = [];
  readonly reasons: unknown[] = [];
  readonly #loop: EventLoop;

  constructor(loop: EventLoop) {
    this.#loop = loop;
  }

  make(name: string, onCancel: OnCancel = "ends"): Child {
    const { future, resolve, reject } = Future.withResolvers<string>(this.#loop, {
      cancel: (reason) => {
        this.log.push(`cancel ${name}`);
        this.reasons.push(reason);
        if (onCancel === "ends") reject(new Error(`${name} ended`));
        else if (onCancel === "throws") throw new Error(`${name} cannot`);
        else if (onCancel !== "goes on") onCancel(child, reason);
      },
      setPriority: (priority) => void this.log.push(`priority ${priority} of ${name}`),
    });
    const child: Child = {
      name,
      future,
      succeed: () => resolve(name),
      fail: () => reject(new Error(`${name} failed`)),
    };
    return child;
  }

  /** One a letter. */
  several(names: string, onCancel?: OnCancel): Child[] {
    return [...names].map((name) => this.make(name, onCancel));
  }
}

/** How a future ended, in a word: its value, its error's message, or "pending". */
export function endOf(future: Future<unknown>): string {
  const { outcome } = future;
  if (outcome === undefined) return "pending";
  return outcome.status === "fulfilled" ? String(outcome.value) : (outcome.reason as Error).message;
}
