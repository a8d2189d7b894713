/**
 * The daemon as a separate process, and clients for it that have nothing to do with fibers.
 *
 * @module
 */

import { assert } from "@std/assert";
import { libcPlaces } from "../../event/kernel/linux/libc.ts";

/** What the daemon is permitted to do, by the kernel that it runs on then. */
export const permissionsFor: Readonly<Record<"linux" | "portable", readonly string[]>> = {
  linux: [`--allow-ffi=${libcPlaces()}`],
  portable: ["--allow-net", "--allow-run", "--allow-read", "--allow-write"],
};

const program = new URL("../../examples/daemon.ts", import.meta.url).pathname;

/** What the daemon tells of itself. */
export interface Stats {
  connections: number;
  started: number;
  unwound: number;
  requests: number;
  errors: number;
  childrenStarted: number;
  childrenEnded: number;
}

/** How a daemon ended, and the last figures that it printed. */
export interface End {
  code: number;
  signal: Deno.Signal | null;
  stats: Stats;
  stderr: string;
}

/** A running daemon. */
export class Daemon implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: Lines;
  readonly #stderr: Promise<string>;
  readonly address: string;
  #ended = false;

  private constructor(child: Deno.ChildProcess, lines: Lines, address: string) {
    this.#child = child;
    this.#lines = lines;
    this.#stderr = new Response(child.stderr).text();
    this.address = address;
  }

  /** Starts one with no permission but what it needs on this kernel, and waits until it listens. */
  static start(kernel: keyof typeof permissionsFor, ...args: string[]): Promise<Daemon> {
    return Daemon.startWith(permissionsFor[kernel], args);
  }

  /** Starts one with these permissions alone. */
  static async startWith(permissions: readonly string[], args: readonly string[] = []): Promise<Daemon> {
    const child = daemonCommand(permissions, args).spawn();
    const lines = new Lines(child.stdout.getReader());
    const greeting = await lines.next();
    if (greeting === undefined) throw new Error(`The daemon did not start: ${await new Response(child.stderr).text()}`);
    return new Daemon(child, lines, greeting.replace("listening on ", ""));
  }

  get pid(): number {
    return this.#child.pid;
  }

  async connect(): Promise<Client> {
    const { address } = this;
    if (address.startsWith("unix:")) return new Client(await Deno.connect({ transport: "unix", path: address.slice(5) }));
    return new Client(await Deno.connect({ hostname: "127.0.0.1", port: this.port }));
  }

  get port(): number {
    return Number(this.address.split(":").at(-1));
  }

  /** Asks for its figures on a connection of its own. */
  async stats(): Promise<Stats> {
    using client = await this.connect();
    return JSON.parse(await client.ask("stats"));
  }

  /** The descriptors that it has open. */
  descriptors(): number {
    return [...Deno.readDirSync(`/proc/${this.pid}/fd`)].length;
  }

  /** Ends it as a service manager does, and waits for that. */
  async terminate(): Promise<End> {
    this.#child.kill("SIGTERM");
    this.#ended = true;
    const last = await this.#lines.next();
    const { code, signal } = await this.#child.status;
    await this.#lines.cancel();
    const stderr = await this.#stderr;
    assert(last !== undefined, `The daemon printed no figures at its end: ${stderr}`);
    return { code, signal, stats: JSON.parse(last), stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return;
    this.#child.kill("SIGKILL");
    await this.#child.status;
    await this.#lines.cancel();
    await this.#stderr;
  }
}

/** The command that runs the daemon's program. */
export function daemonCommand(permissions: readonly string[], args: readonly string[]): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", ...permissions, program, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  });
}

/** A connection to a daemon by the host's own sockets. */
export class Client implements Disposable {
  readonly #connection: Deno.Conn;
  readonly #lines: Lines;

  constructor(connection: Deno.Conn) {
    this.#connection = connection;
    this.#lines = new Lines(connection.readable.getReader());
  }

  async send(text: string): Promise<void> {
    const writer = this.#connection.writable.getWriter();
    await writer.write(new TextEncoder().encode(text));
    writer.releaseLock();
  }

  /** One request, and the first line of the answer. */
  async ask(request: string): Promise<string> {
    await this.send(`${request}\n`);
    return await this.line() ?? "";
  }

  /** The next line; `undefined` at the end. */
  line(): Promise<string | undefined> {
    return this.#lines.next();
  }

  /** What a `run` sends, up to the line that ends it. */
  async output(): Promise<{ bytes: number; last: string }> {
    let bytes = 0;
    for (;;) {
      const line = await this.line() ?? "";
      if (!line.startsWith("data ")) return { bytes, last: line };
      const size = Number(line.slice(5));
      await this.#lines.skip(size);
      bytes += size;
    }
  }

  /** At its end the host has closed it already. */
  [Symbol.dispose](): void {
    try {
      this.#connection.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }
}

/** Lines of a stream of bytes. */
class Lines {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  #rest = new Uint8Array(0);

  constructor(reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>) {
    this.#reader = reader;
  }

  async next(): Promise<string | undefined> {
    for (;;) {
      const end = this.#rest.indexOf(10);
      if (end >= 0) {
        const line = new TextDecoder().decode(this.#rest.subarray(0, end));
        this.#rest = this.#rest.subarray(end + 1);
        return line;
      }
      if (!await this.#more()) return undefined;
    }
  }

  async skip(count: number): Promise<void> {
    while (this.#rest.length < count) {
      count -= this.#rest.length;
      this.#rest = new Uint8Array(0);
      if (!await this.#more()) throw new Error("The stream ended inside of a block");
    }
    this.#rest = this.#rest.subarray(count);
  }

  async cancel(): Promise<void> {
    await this.#reader.cancel();
  }

  async #more(): Promise<boolean> {
    const { value, done } = await this.#reader.read();
    if (done) return false;
    const joined = new Uint8Array(this.#rest.length + value.length);
    joined.set(this.#rest);
    joined.set(value, this.#rest.length);
    this.#rest = joined;
    return true;
  }
}

/** Whether there is a process of this number, a zombie too. */
export async function processExists(pid: number): Promise<boolean> {
  try {
    await Deno.stat(`/proc/${pid}`);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Asks again until the answer is right. */
export async function eventually(isRight: () => boolean | Promise<boolean>): Promise<void> {
  for (let round = 0; !await isRight(); round++) {
    assert(round < 10_000, "It never comes right");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
