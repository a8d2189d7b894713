/**
 * What tells of pressure: files of the kernel's own (PSI), and FIFOs, devices and sockets in their place.
 *
 * A path is opened twice: first for the file itself and not for what is in it (O_PATH), which shows what kind of file it is, then, by way of that
 * descriptor, for use. So what is used is what was looked at, also when somebody else takes the path meanwhile, and the path of a socket may be
 * longer than a struct sockaddr_un has room for.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import type { Handle, OpenedPressure, PressureResource, Result } from "../kernel.ts";
import { close, readFile } from "./descriptors.ts";
import { cString, libc, result } from "./libc.ts";
import { openStream } from "./sockets.ts";
import { openPath } from "./file_watches.ts";
import { kindOfHandle, S_IFCHR, S_IFDIR, S_IFIFO, S_IFREG, S_IFSOCK } from "./file_kind.ts";

const O_RDWR = 2;
const O_NOCTTY = 0x100;
const O_NONBLOCK = 0x800;
const O_CLOEXEC = 0x8_0000;

/** The file systems on which the kernel has such files. */
const PROC_SUPER_MAGIC = 0x9fa0;
const CGROUP2_SUPER_MAGIC = 0x6367_7270;

/** A struct statfs, whose first word is the kind of file system, and more than it takes. */
const fileSystem = new Int32Array(64);

const resources: readonly PressureResource[] = ["memory", "cpu", "io"];

/** Where the kernel tells of pressure: on this process's control group, then on the whole system. */
export function pressurePaths(resource: PressureResource): readonly string[] | Result {
  // Where it was turned off when the system was booted, the files are there, and opening or reading them fails.
  if (resources.some((each) => readFile(systemPath(each), new Uint8Array(1)) < 0)) return -Errno.EOPNOTSUPP;
  const group = ownControlGroup();
  const ofGroup = group === undefined ? [] : [`/sys/fs/cgroup${group === "/" ? "" : group}/${resource}.pressure`];
  return [...ofGroup, systemPath(resource)];
}

function systemPath(resource: PressureResource): string {
  return `/proc/pressure/${resource}`;
}

/** The path of this process's control group in the one hierarchy of version 2. */
function ownControlGroup(): string | undefined {
  const text = new Uint8Array(0x4000);
  const length = readFile("/proc/self/cgroup", text);
  return length < 0 ? undefined : /^0::(\/.*)$/m.exec(new TextDecoder().decode(text.subarray(0, length)))?.[1];
}

/** Opens what tells of pressure. */
export function openPressure(path: string, writable: boolean): OpenedPressure | Result {
  const place = openPath(path, 0);
  if (place < 0) return place;
  const opened = openPlace(place, writable);
  close(place);
  return opened;
}

function openPlace(place: Handle, writable: boolean): OpenedPressure | Result {
  switch (kindOfHandle(place)) {
    case S_IFSOCK:
      return whenOpened("other", openStream({ path: pathOf(place) }));
    case S_IFIFO:
    case S_IFCHR:
      return whenOpened("other", reopen(place, writable));
    case S_IFREG:
      return whenOpened("system", tellsOfPressure(place) ? reopen(place, writable) : -Errno.ENOTTY);
    case S_IFDIR:
      return -Errno.EISDIR;
    default:
      return -Errno.EBADF;
  }
}

function whenOpened(kind: OpenedPressure["kind"], handle: Result): OpenedPressure | Result {
  return handle < 0 ? handle : { kind, handle };
}

function pathOf(place: Handle): string {
  return `/proc/self/fd/${place}`;
}

function reopen(place: Handle, writable: boolean): Result {
  return result(libc.open(cString(pathOf(place))!, (writable ? O_RDWR : 0) | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0));
}

/** Whether a regular file is one that the kernel tells of pressure by. */
export function tellsOfPressure(place: Handle): boolean {
  if (libc.fstatfs(place, fileSystem) < 0) return false;
  return fileSystem[0] === PROC_SUPER_MAGIC || fileSystem[0] === CGROUP2_SUPER_MAGIC;
}
