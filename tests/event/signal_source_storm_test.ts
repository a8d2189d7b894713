/**
 * Signal sources while more signals come than anybody can look at, from another process.
 *
 * @module
 */

import { linuxKernel } from "@sd/fibers";
import { assert, assertEquals, assertGreater } from "@std/assert";
import { signalNumber } from "../../event/signal_names.ts";

const kernel = linuxKernel();
const classic = [signalNumber("SIGUSR1"), signalNumber("SIGUSR2")];
const realtime = signalNumber("SIGRTMIN+5");
const SIGTERM = signalNumber("SIGTERM");
const SIGKILL = signalNumber("SIGKILL");
const EAGAIN = -11;

/** What `fixtures/signal_storm.ts` has seen. */
interface Seen {
  readonly classic: number;
  readonly lastClassicUsec: readonly number[];
  readonly realtime: number;
  readonly outOfOrder: readonly number[];
}

/** The program, and what can be done to it. Disposing it ends it, if it lives on because the test has failed. */
class Program implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #handle: number;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #reader: ReadableStreamDefaultReader<string>;
  #output = "";

  constructor() {
    const path = new URL("fixtures/signal_storm.ts", import.meta.url).pathname;
    const args = ["run", "--no-prompt", "--no-check", "--allow-ffi", path];
    this.#child = new Deno.Command(Deno.execPath(), { args, stdin: "piped", stdout: "piped" }).spawn();
    this.#handle = kernel.openProcess(this.#child.pid);
    this.#writer = this.#child.stdin.getWriter();
    this.#reader = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Sends a signal, with a value where one is given: whether the kernel had room for it. */
  send(signal: number, value?: number): boolean {
    const result = kernel.signalProcess(this.#handle, signal, value);
    assert(result === 0 || result === EAGAIN, `${result}`);
    return result === 0;
  }

  /** The next thing it says. */
  async answer(): Promise<Seen> {
    while (!this.#output.includes("\n")) {
      const { value, done } = await this.#reader.read();
      assert(!done, "The program has ended");
      this.#output += value;
    }
    const [line] = this.#output.split("\n", 1);
    this.#output = this.#output.slice(line.length + 1);
    return JSON.parse(line);
  }

  /** Asks what it has seen until it is enough. */
  async until(isEnough: (seen: Seen) => boolean): Promise<Seen> {
    for (let tries = 0;; tries++) {
      await this.#writer.write(new TextEncoder().encode("\n"));
      const seen = await this.answer();
      if (isEnough(seen)) return seen;
      assert(tries < 10_000, `It never happens: ${JSON.stringify(seen)}`);
    }
  }

  /** Ends it by SIGTERM: its exit code. */
  async end(): Promise<number> {
    this.send(SIGTERM);
    await this.#writer.close();
    return (await this.#child.status).code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    kernel.signalProcess(this.#handle, SIGKILL, undefined);
    kernel.close(this.#handle);
    await this.#child.status;
    await this.#reader.cancel();
    await this.#writer.abort();
  }
}

Deno.test("A storm of signals loses none that the kernel would not merge, on its way to the callbacks", async () => {
  await using program = new Program();
  await program.answer();
  const count = 100_000;
  const lastSentUsec = [0, 0];
  for (let value = 0; value < count;) {
    const index = value % 2;
    lastSentUsec[index] = kernel.now(2);
    program.send(classic[index]);
    if (program.send(realtime, value)) value++;
    // The kernel keeps no more for one user: the other side has to catch up.
    else await kernel.turn("io");
  }
  const isThere = ({ realtime, lastClassicUsec }: Seen) =>
    realtime >= count && lastClassicUsec.every((usec, index) => usec >= lastSentUsec[index]);
  const seen = await program.until(isThere);
  assertEquals([seen.realtime, seen.outOfOrder], [count, []]);
  assertGreater(seen.classic, 1);
  assertEquals(await program.end(), 0);
});

Deno.test("Of classic signals that come one at a time none is lost", async () => {
  await using program = new Program();
  await program.answer();
  for (let sent = 1; sent <= 1_000; sent++) {
    program.send(classic[sent % 2]);
    await program.until((seen) => seen.classic === sent);
  }
  assertEquals(await program.end(), 0);
});
