/** A program of its own for the tests of signals, as what they do to a process would hit the tests' own. */

import { libcPlaces } from "../../../event/kernel/linux/libc.ts";
import type { SignalRecord } from "../../../event/kernel/kernel.ts";

const fixture = new URL("fixtures/signal_program.ts", import.meta.url).pathname;
const place = libcPlaces().find(exists)!;

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** The command line of the program. */
const commandLine = [Deno.execPath(), "run", "--no-prompt", "--allow-run=true", `--allow-ffi=${place}`, fixture, place];

/** The program `fixtures/signal_program.ts`, running. A shell waits for it, which can also say that a real-time signal has ended it. */
export class SignalProgram implements AsyncDisposable {
  /** The program's own number. */
  pid = 0;
  readonly #shell: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #reader: ReadableStreamDefaultReader<string>;
  #output = "";
  #ended = false;

  private constructor() {
    const args = ["-c", `"$@"\nexit $?`, "sh", ...commandLine];
    this.#shell = new Deno.Command("sh", { args, stdin: "piped", stdout: "piped", stderr: "null" }).spawn();
    this.#writer = this.#shell.stdin.getWriter();
    this.#reader = this.#shell.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Starts it. */
  static async start(): Promise<SignalProgram> {
    const program = new SignalProgram();
    await program.answer();
    program.pid = await program.ask("pid") as number;
    return program;
  }

  /** Has it do something: its answer. */
  ask(name: string, ...args: unknown[]): Promise<unknown> {
    this.tell(name, ...args);
    return this.answer();
  }

  /** Has it do something. */
  tell(...command: unknown[]): void {
    this.#writer.write(new TextEncoder().encode(`${JSON.stringify(command)}\n`));
  }

  /** Its next answer. */
  async answer(): Promise<unknown> {
    while (!this.#output.includes("\n")) {
      const { value, done } = await this.#reader.read();
      if (done) throw new Error(`The program has ended: ${JSON.stringify(await this.#shell.status)}`);
      this.#output += value;
    }
    const end = this.#output.indexOf("\n");
    const line = this.#output.slice(0, end);
    this.#output = this.#output.slice(end + 1);
    return JSON.parse(line);
  }

  /** The next records of its claimed signals. */
  async take(count: number): Promise<SignalRecord[]> {
    return await this.ask("take", count) as SignalRecord[];
  }

  /** Its threads' numbers. */
  async threads(): Promise<number[]> {
    return (await output("ls", `/proc/${this.pid}/task`)).map(Number);
  }

  /** What each of its threads blocks. */
  async blockedSignals(): Promise<bigint[]> {
    const lines = await output("sh", "-c", `cat /proc/${this.pid}/task/*/status`);
    return lines.filter((line) => line.startsWith("SigBlk:")).map((line) => BigInt(`0x${line.slice("SigBlk:".length).trim()}`));
  }

  /** Waits for its end: the exit code, 128 and the signal for one that a signal ended. */
  async end(): Promise<number> {
    this.#ended = true;
    const { code } = await this.#shell.status;
    await this.#writer.close().catch(() => {});
    await this.#reader.cancel();
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return;
    Deno.kill(this.pid, "SIGKILL");
    await this.end();
  }
}

/** What a command prints, by lines. */
async function output(command: string, ...args: string[]): Promise<string[]> {
  const { stdout } = await new Deno.Command(command, { args }).output();
  return new TextDecoder().decode(stdout).trim().split("\n");
}
