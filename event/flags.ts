/**
 * The flag words of the kernel, by their Linux names, and the three named priorities.
 *
 * @module
 */

/** What an io source waits for and what it reports: `IoEvent.IN | IoEvent.OUT`. `ET` asks for edges instead of levels. */
export const IoEvent: Readonly<Record<"IN" | "OUT" | "PRI" | "ERR" | "HUP" | "RDHUP" | "ET", number>> = {
  IN: 0x001,
  PRI: 0x002,
  OUT: 0x004,
  ERR: 0x008,
  HUP: 0x010,
  RDHUP: 0x2000,
  ET: 0x8000_0000,
};

/** Which state changes of a process a child source waits for. `NOWAIT` leaves the process waitable afterwards. */
export const ChildEvent: Readonly<Record<"EXITED" | "STOPPED" | "CONTINUED" | "NOWAIT", number>> = {
  STOPPED: 2,
  EXITED: 4,
  CONTINUED: 8,
  NOWAIT: 0x0100_0000,
};

/** Priorities with a name: smaller is more important, any whole number serves. */
export const Priority: Readonly<Record<"IMPORTANT" | "NORMAL" | "IDLE", number>> = {
  IMPORTANT: -100,
  NORMAL: 0,
  IDLE: 100,
};
