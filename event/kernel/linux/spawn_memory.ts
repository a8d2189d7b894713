/**
 * The arguments and the variables of a process that is to be started, as C has them: lists of addresses that a 0 ends, and the strings that these
 * point to.
 *
 * They are written into memory that stays for the next process, as libc has read them when its call is over. Nothing else runs in between.
 *
 * @module
 */

import { type Address, addressOf } from "./libc.ts";

/** Where the lists are, and the first of the arguments. */
export interface ProgramMemory {
  readonly file: Address;
  readonly args: Address;
  readonly variables: Address;
}

const pointerBytes = 8;

/** A block is so many bytes or a multiple of it; one that is larger than the second of these serves one process alone. */
const blockBytes = 4096;
const keptBytes = 65_536;

const encoder = new TextEncoder();

/** Memory that begins with pointers. It lies outside of the heap, where the collector does not move it. */
class Block {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly address: Address;
  /** The pointers in halves, and those of the address: so none of them takes a bigint. */
  readonly #halves: Uint32Array;
  readonly #low: number;
  readonly #high: number;

  constructor(size: number) {
    this.bytes = new Uint8Array(Math.ceil(size / blockBytes) * blockBytes);
    this.address = addressOf(this.bytes);
    this.#halves = new Uint32Array(this.bytes.buffer);
    this.#low = lowOf(this.address);
    this.#high = highOf(this.address);
  }

  /** Makes a pointer point into the block. */
  pointInside(index: number, offset: number): void {
    const low = this.#low + offset;
    this.#set(index, low, low < 2 ** 32 ? this.#high : this.#high + 1);
  }

  pointTo(index: number, address: Address): void {
    this.#set(index, lowOf(address), highOf(address));
  }

  pointNowhere(index: number): void {
    this.#set(index, 0, 0);
  }

  #set(index: number, low: number, high: number): void {
    this.#halves[2 * index] = low;
    this.#halves[2 * index + 1] = high;
  }
}

function lowOf(address: Address): number {
  return Number(address & 0xffff_ffffn);
}

function highOf(address: Address): number {
  return Number(address >> 32n);
}

/** Held until the next process, as libc reads it after {@linkcode layOut} has returned. */
let block: Block | undefined;

function blockOf(size: number): Block {
  if (block !== undefined && size <= block.bytes.length && block.bytes.length <= keptBytes) return block;
  return block = new Block(size);
}

/**
 * Lays them out, the first of the arguments being the program; `undefined` when there is a 0 in a string, which C cannot say.
 *
 * @param variables Entries made here, and the addresses of those that libc has; or libc's own list as it is.
 */
export function layOut(args: readonly string[], variables: readonly (string | Address)[] | Address): ProgramMemory | undefined {
  const made = typeof variables === "bigint" ? undefined : variables;
  const variablesAt = args.length + 1;
  const pointers = made === undefined ? variablesAt : variablesAt + made.length + 1;
  const stringsAt = pointers * pointerBytes;
  const block = blockOf(stringsAt + roomFor(args) + (made === undefined ? 0 : roomFor(made)));
  let end = writeList(block, 0, stringsAt, args);
  if (end >= 0 && made !== undefined) end = writeList(block, variablesAt, end, made);
  if (end < 0) return undefined;
  const { address } = block;
  return {
    file: address + BigInt(stringsAt),
    args: address,
    variables: typeof variables === "bigint" ? variables : address + BigInt(variablesAt * pointerBytes),
  };
}

/** No fewer bytes than the strings take, as each 16 bits of a string are three bytes at the most. */
function roomFor(entries: readonly (string | Address)[]): number {
  let room = 0;
  for (let index = 0; index < entries.length; index++) {
    const entry = entries[index];
    if (typeof entry === "string") room += 3 * entry.length + 1;
  }
  return room;
}

/** Its pointers from `index` on, its strings from `end` on: where these end, −1 when there is a 0 in one. */
function writeList(block: Block, index: number, end: number, entries: readonly (string | Address)[]): number {
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i];
    if (typeof entry === "bigint") {
      block.pointTo(index + i, entry);
      continue;
    }
    block.pointInside(index + i, end);
    end = writeString(block.bytes, end, entry);
    if (end < 0) return end;
  }
  block.pointNowhere(index + entries.length);
  return end;
}

/** In UTF-8, with a 0 behind it: where it ends, −1 when there is a 0 inside. */
function writeString(bytes: Uint8Array, at: number, text: string): number {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === 0) return -1;
    if (code > 0x7f) return encodeString(bytes, at, text);
    bytes[at + index] = code;
  }
  bytes[at + text.length] = 0;
  return at + text.length + 1;
}

function encodeString(bytes: Uint8Array, at: number, text: string): number {
  if (text.includes("\0")) return -1;
  const end = at + encoder.encodeInto(text, bytes.subarray(at)).written;
  bytes[end] = 0;
  return end + 1;
}
