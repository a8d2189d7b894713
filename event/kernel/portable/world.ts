/**
 * What the parts of the kernel share.
 *
 * @module
 */

import type { Surroundings } from "../emulated/poller.ts";
import type { HostClocks } from "./clocks.ts";
import type { Host } from "./host.ts";
import type { Parking } from "./parking.ts";
import type { Signals } from "./signals.ts";
import type { Sockets } from "./sockets.ts";

/** One of each. */
export interface World extends Surroundings {
  readonly host: Host;
  readonly clocks: HostClocks;
  readonly parking: Parking;
  readonly signals: Signals;
  readonly sockets: Sockets;
}
