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

/** The names of {@linkcode WatchEvent}. */
export type WatchEventName =
  | "ACCESS"
  | "MODIFY"
  | "ATTRIB"
  | "CLOSE_WRITE"
  | "CLOSE_NOWRITE"
  | "OPEN"
  | "MOVED_FROM"
  | "MOVED_TO"
  | "CREATE"
  | "DELETE"
  | "DELETE_SELF"
  | "MOVE_SELF"
  | "UNMOUNT"
  | "Q_OVERFLOW"
  | "IGNORED"
  | "ISDIR"
  | "ONLYDIR"
  | "DONT_FOLLOW"
  | "EXCL_UNLINK"
  | "MASK_CREATE"
  | "ONESHOT"
  | "ALL_EVENTS";

/**
 * Which events of a file an inotify source waits for and what it reports: `WatchEvent.CREATE | WatchEvent.DELETE`. `ALL_EVENTS` are the
 * twelve from `ACCESS` to `MOVE_SELF`. `UNMOUNT`, `Q_OVERFLOW` (records were lost), `IGNORED` (the last one of its watch) and `ISDIR`
 * are reported unasked. The others say how to watch: fail unless it is a directory (`ONLYDIR`), watch a link itself (`DONT_FOLLOW`), leave
 * out what happens to files that were removed from the directory (`EXCL_UNLINK`), fail if it is watched already (`MASK_CREATE`), once
 * (`ONESHOT`).
 */
export const WatchEvent: Readonly<Record<WatchEventName, number>> = {
  ACCESS: 0x1,
  MODIFY: 0x2,
  ATTRIB: 0x4,
  CLOSE_WRITE: 0x8,
  CLOSE_NOWRITE: 0x10,
  OPEN: 0x20,
  MOVED_FROM: 0x40,
  MOVED_TO: 0x80,
  CREATE: 0x100,
  DELETE: 0x200,
  DELETE_SELF: 0x400,
  MOVE_SELF: 0x800,
  UNMOUNT: 0x2000,
  Q_OVERFLOW: 0x4000,
  IGNORED: 0x8000,
  ONLYDIR: 0x0100_0000,
  DONT_FOLLOW: 0x0200_0000,
  EXCL_UNLINK: 0x0400_0000,
  MASK_CREATE: 0x1000_0000,
  ISDIR: 0x4000_0000,
  ONESHOT: 0x8000_0000,
  ALL_EVENTS: 0xfff,
};

/**
 * How a message is received and sent, and what became of it: `MessageFlag.PEEK | MessageFlag.TRUNC`.
 *
 * `PEEK` leaves it there. `TRUNC` asks for the size of the whole message, and says of one that came that its end did not fit and is lost.
 * `CTRUNC` says that descriptors were lost, because more came than were asked for or than the process may have. `DONTWAIT` fails instead of
 * waiting. `NOSIGNAL` is always so.
 */
export const MessageFlag: Readonly<Record<"PEEK" | "CTRUNC" | "TRUNC" | "DONTWAIT" | "NOSIGNAL", number>> = {
  PEEK: 0x2,
  CTRUNC: 0x8,
  TRUNC: 0x20,
  DONTWAIT: 0x40,
  NOSIGNAL: 0x4000,
};

/** Priorities with a name: smaller is more important, any whole number serves. */
export const Priority: Readonly<Record<"IMPORTANT" | "NORMAL" | "IDLE", number>> = {
  IMPORTANT: -100,
  NORMAL: 0,
  IDLE: 100,
};
