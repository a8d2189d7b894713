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
const devNull = cString("/dev/null") as CString;

/** The attributes of a child in our process group, and of one that leads its own. */
let plain: CString | undefined;
let inGroup: CString | undefined;

/** What libc is told to start. */
interface Program {
  readonly file: CString;
  readonly args: readonly CString[];
  /** Entries made here, and the addresses of those that libc has; or libc's own list as it is. */
  readonly environment: readonly (CString | Address)[] | Address;
  readonly cwd: CString | undefined;
}

/** The descriptors of the three streams, −1 where there is none: what the child gets, all from 3 on, and our own ends of its pipes. */
interface Streams {
  readonly theirs: Handle[];
  readonly ours: Handle[];
}

/**
 * Starts a process.
 *
 * A name without a slash is looked up in this process's own PATH, whatever PATH the child is given; a relative path is one from `cwd`. −EINVAL
 * for a string with a 0 inside, and for a variable whose name is empty or has a `=`.
 */
export function spawn(command: SpawnCommand): SpawnedProcess | Result {
  const program = programOf(command);
  if (program === undefined) return -Errno.EINVAL;
  const streams: Streams = { theirs: [-1, -1, -1], ours: [-1, -1, -1] };
  const failed = openStreams(command, streams);
  const pid = failed < 0 ? failed : start(program, command, streams.theirs);
  closeAll(streams.theirs);
  const handle = pid < 0 ? pid : openChild(pid);
  if (handle < 0) {
    closeAll(streams.ours);
    return handle;
  }
  const [stdin, stdout, stderr] = streams.ours;
  return { pid, handle, stdin, stdout, stderr };
}

function programOf(command: SpawnCommand): Program | undefined {
  const args = [command.command, ...command.args].map(cString);
  const cwd = command.cwd === undefined ? undefined : cString(command.cwd);
  const environment = environmentOf(command);
  if (environment === undefined || !args.every(isDefined) || cwd === undefined && command.cwd !== undefined) return undefined;
  return { file: args[0], args, environment, cwd };
}

function isDefined<T>(value: T | undefined): value is T {
  return value !== undefined;
}

function environmentOf({ env, clearEnv }: SpawnCommand): (CString | Address)[] | Address | undefined {
  const added: CString[] = [];
  for (const [name, value] of Object.entries(env)) {
    const entry = name === "" || name.includes("=") ? undefined : cString(`${name}=${value}`);
    if (entry === undefined) return undefined;
    added.push(entry);
  }
  if (clearEnv) return added;
  if (added.length === 0) return ownEnvironment() || [];
  const kept = entriesAt(ownEnvironment()).filter((entry) => !Object.hasOwn(env, variableName(stringAt(entry))));
  return [...kept, ...added];
}

function variableName(entry: string): string {
  const end = entry.indexOf("=");
  return end < 0 ? entry : entry.slice(0, end);
}

/** Where the list of this process's variables stands; libc moves the list, `environ`, when a variable is set. */
function ownEnvironment(): Address {
  const cell = new BigUint64Array(1);
  libc.copyFromVariable(cell, libc.environ, 8n);
  return cell[0];
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
function start(program: Program, command: SpawnCommand, theirs: readonly Handle[]): Result {
  const memory = allocateVectors(program);
  if (memory === 0n) return -Errno.ENOMEM;
  const { file, args, environment, cwd } = program;
  const variables = typeof environment === "bigint" ? environment : memory + BigInt((args.length + 1) * 8);
  const attributes = attributesOf(command.processGroup);
  const actions = changesNothing(command) ? null : new Uint8Array(actionsBytes);
  const pid = new Int32Array(1);
  let failed = 0;
  if (actions !== null) {
    failed = libc.posix_spawn_file_actions_init(actions) || describeStreams(actions, command, theirs);
    if (cwd !== undefined) failed ||= libc.posix_spawn_file_actions_addchdir_np(actions, cwd);
  }
  failed ||= libc.posix_spawnp(pid, file, actions, attributes, memory, variables);
  if (actions !== null) libc.posix_spawn_file_actions_destroy(actions);
  libc.free(memory);
  return failed === 0 ? pid[0] : -failed;
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
    if (wanted[stream] === "null") failed ||= libc.posix_spawn_file_actions_addopen(actions, stream, devNull, access, 0);
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

/** Memory of libc that begins with argv, then an environment that is made here, each a list of addresses that a 0 ends; what these point to follows. */
function allocateVectors({ args, environment }: Program): Address {
  const entries = [...args, 0n];
  if (typeof environment === "object") entries.push(...environment, 0n);
  const pointers = entries.length;
  const bytes = entries.reduce((sum, entry) => sum + (typeof entry === "bigint" ? 0 : entry.length), pointers * 8);
  const memory = libc.malloc(BigInt(bytes));
  if (memory === 0n) return memory;
  const block = new Uint8Array(bytes);
  const table = new BigUint64Array(block.buffer, 0, pointers);
  let end = pointers * 8;
  entries.forEach((entry, index) => {
    table[index] = typeof entry === "bigint" ? entry : memory + BigInt(end);
    if (typeof entry === "bigint") return;
    block.set(entry, end);
    end += entry.length;
  });
  libc.copyTo(memory, block, BigInt(bytes));
  return memory;
}
