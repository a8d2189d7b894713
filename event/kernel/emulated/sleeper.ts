/**
 * What waits inside the host, and where.
 *
 * @module
 */

import type { Usec } from "../../time.ts";

/** A poller that can park. */
export interface Sleeper {
  /** When its park ends at the latest, on the monotonic clock. */
  readonly parkLimit: Usec;
  /** Whether there is something to wake it for. */
  readonly restless: boolean;
  /** Ends its park. */
  wakeUp(): void;
}

/** The parked pollers of one kernel. */
export interface ParkingPlace {
  /** Takes a sleeper in. */
  add(sleeper: Sleeper): void;
  /** Lets go of a sleeper without waking it. */
  remove(sleeper: Sleeper): void;
  /** Somebody does not wait to be woken any more, and will not park soon. */
  letGo(): void;
  /** Looks after everybody in a later turn of the host. `fromHost`: the host has just brought something, so it does look at its sockets. */
  lookSoon(fromHost?: boolean): void;
}
