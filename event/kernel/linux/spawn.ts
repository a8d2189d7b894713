/**
 * Starting a process, by posix_spawn: libc starts it on the parent's memory and with all signals blocked until the new program is there, so it is
 * quick however large the parent is, and safe beside the host's threads. An error on the way, up to a missing program, is the call's own answer.
 *
 * The child starts as if nothing had gone before: no signal is blocked, none is ignored, and but for its three streams it has only those
 * descriptors of this process that are not close-on-exec.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import type { Handle, Result, SpawnCommand, SpawnedProcess, SpawnStdio } from "../kernel.ts";
import { close, duplicate, openPipe, setBlocking } from "./descriptors.ts";
import { type Address, cString, libc, stringAt } from "./libc.ts";
import { openChild } from "./processes.ts";
import { layOut, type ProgramMemory } from "./spawn_memory.ts";

type CString = Uint8Array<ArrayBuffer>;

/** posix_spawn_file_actions_t and posix_spawnattr_t, with room to spare: 80 and 336 bytes in glibc and in musl. */
const actionsBytes = 128;
const attributesBytes = 512;

const POSIX_SPAWN_SETPGROUP = 2;
const POSIX_SPAWN_SETSIGDEF = 4;
const POSIX_SPAWN_SETSIGMASK = 8;

const O_RDONLY = 0;
const O_WRONLY = 1;

const noSignals = new Uint8Array(128);
const allSignals = new Uint8Array(128).fill(0xff);

/** The attributes of a child in our process group, and of one that leads its own. */
let plain: CString | undefined;
let inGroup: CString | undefined;

/** Where libc has `environ`; what is there; the number of the new process. */
let environCell: Address | undefined;
const listCell = new BigUint64Array(1);
const pidCell = new Int32Array(1);

/** The descriptors of the three streams, −1 where there is none: what the child gets, all from 3 on, and our own ends of its pipes. */
interface Streams {
  readonly theirs: Handle[];
  readonly ours: Handle[];
}

const noStreams: readonly Handle[] = [-1, -1, -1];

/**
 * Starts a process.
 *
 * A name without a slash is looked up in this process's own PATH, whatever PATH the child is given; a relative path is one from `cwd`. −EINVAL
 * for a string with a 0 inside, and for a variable whose name is empty or has a `=`.
 */
export function spawn(command: SpawnCommand): SpawnedProcess | Result {
  const variables = variablesOf(command);
  if (variables === undefined) return -Errno.EINVAL;
  const program = layOut([command.command, ...command.args], variables);
  if (program === undefined) return -Errno.EINVAL;
  const attributes = attributesOf(command.processGroup);
  if (changesNothing(command)) return opened(start(program, null, attributes), noStreams);
  const streams: Streams = { theirs: [-1, -1, -1], ours: [-1, -1, -1] };
  const failed = openStreams(command, streams);
  const pid = failed < 0 ? failed : startChanged(program, attributes, command, streams.theirs);
  closeAll(streams.theirs);
  return opened(pid, streams.ours);
}

/** What there is to show for a process that was started, or could not be; `ours` are our ends of its pipes. */
function opened(pid: Result, ours: readonly Handle[]): SpawnedProcess | Result {
  const handle = pid < 0 ? pid : openChild(pid);
  if (handle < 0) {
    closeAll(ours);
    return handle;
  }
  return { pid, handle, stdin: ours[0], stdout: ours[1], stderr: ours[2] };
}

/** Entries to be made, and the addresses of those that libc has; or libc's own list as it is. */
function variablesOf({ env, clearEnv }: SpawnCommand): (string | Address)[] | Address | undefined {
  const names = Object.keys(env);
  if (names.length === 0 && !clearEnv) return ownEnvironment() || [];
  if (names.some((name) => name === "" || name.includes("="))) return undefined;
  const added = names.map((name) => `${name}=${env[name]}`);
  if (clearEnv) return added;
  const kept = entriesAt(ownEnvironment()).filter((entry) => !Object.hasOwn(env, variableName(stringAt(entry))));
  return [...kept, ...added];
}

function variableName(entry: string): string {
  const end = entry.indexOf("=");
  return end < 0 ? entry : entry.slice(0, end);
}

/** Where the list of this process's variables stands; libc moves the list, `environ`, when a variable is set. */
function ownEnvironment(): Address {
  environCell ??= libc.addressOfVariable(libc.environ, pidCell, 0n);
  libc.copyFrom(listCell, environCell, 8n);
  return listCell[0];
}

/** What a list of addresses has, up to its 0; there may be no list. */
function entriesAt(list: Address): Address[] {
  const cell = new BigUint64Array(1);
  const entries: Address[] = [];
  for (let at = list; at !== 0n; at += 8n) {
    libc.copyFrom(cell, at, 8n);
    if (cell[0] === 0n) break;
    entries.push(cell[0]);
  }
  return entries;
}

function openStreams(command: SpawnCommand, streams: Streams): Result {
  const wanted = [command.stdin, command.stdout, command.stderr];
  for (let stream = 0; stream < 3; stream++) {
    const failed = openStream(wanted[stream], stream, streams);
    if (failed < 0) return failed;
  }
  return 0;
}

/** Duplicates count from 3 on, so that making one stream cannot overwrite what another one is made from. */
function openStream(stdio: SpawnStdio, stream: number, { theirs, ours }: Streams): Result {
  if (typeof stdio === "object") return theirs[stream] = duplicate(stdio.fd);
  if (stdio !== "piped") return 0;
  const pipe = openPipe();
  if (typeof pipe === "number") return pipe;
  const [reader, writer] = pipe;
  const [end, own] = stream === 0 ? [reader, writer] : [writer, reader];
  ours[stream] = own;
  theirs[stream] = duplicate(end);
  close(end);
  return theirs[stream] < 0 ? theirs[stream] : setBlocking(theirs[stream], true);
}

function closeAll(handles: readonly Handle[]): void {
  for (const handle of handles) if (handle >= 0) close(handle);
}

/** Has libc start it: its pid. */
function start({ file, args, variables }: ProgramMemory, actions: CString | null, attributes: CString): Result {
  const failed = libc.posix_spawnp(pidCell, file, actions, attributes, args, variables);
  return failed === 0 ? pidCell[0] : -failed;
}

function startChanged(program: ProgramMemory, attributes: CString, command: SpawnCommand, theirs: readonly Handle[]): Result {
  const cwd = command.cwd === undefined ? undefined : cString(command.cwd);
  if (cwd === undefined && command.cwd !== undefined) return -Errno.EINVAL;
  const actions = new Uint8Array(actionsBytes);
  let failed = libc.posix_spawn_file_actions_init(actions) || describeStreams(actions, command, theirs);
  if (cwd !== undefined) failed ||= libc.posix_spawn_file_actions_addchdir_np(actions, cwd);
  const pid = failed === 0 ? start(program, actions, attributes) : -failed;
  libc.posix_spawn_file_actions_destroy(actions);
  return pid;
}

/** The child has our streams and our working directory. */
function changesNothing({ cwd, stdin, stdout, stderr }: SpawnCommand): boolean {
  return cwd === undefined && stdin === "inherit" && stdout === "inherit" && stderr === "inherit";
}

/** Errors of the posix_spawn family are errnos that are returned. */
function describeStreams(actions: Uint8Array<ArrayBuffer>, command: SpawnCommand, theirs: readonly Handle[]): number {
  const wanted = [command.stdin, command.stdout, command.stderr];
  let failed = 0;
  for (let stream = 0; stream < 3; stream++) {
    if (theirs[stream] >= 0) failed ||= libc.posix_spawn_file_actions_adddup2(actions, theirs[stream], stream);
    const access = stream === 0 ? O_RDONLY : O_WRONLY;
    if (wanted[stream] === "null") failed ||= libc.posix_spawn_file_actions_addopen(actions, stream, cString("/dev/null")!, access, 0);
  }
  return failed;
}

/** Made once, for neither libc keeps anything elsewhere or changes them. */
function attributesOf(processGroup: boolean): CString {
  return processGroup ? inGroup ??= makeAttributes(POSIX_SPAWN_SETPGROUP) : plain ??= makeAttributes(0);
}

/** This cannot fail: there is nothing to allocate, and what is set is valid. */
function makeAttributes(flags: number): CString {
  const attributes = new Uint8Array(attributesBytes);
  libc.posix_spawnattr_init(attributes);
  libc.posix_spawnattr_setflags(attributes, flags | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  libc.posix_spawnattr_setsigdefault(attributes, allSignals);
  libc.posix_spawnattr_setsigmask(attributes, noSignals);
  libc.posix_spawnattr_setpgroup(attributes, 0);
  return attributes;
}
