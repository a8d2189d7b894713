/**
 * The fiber that is a program, and real signals.
 *
 * @module
 */

import { assertEquals } from "@std/assert";

/** What a program said, and how it ended. */
interface Ended {
  readonly lines: string[];
  readonly status: { readonly code: number; readonly signal: Deno.Signal | null };
}

/** Starts the program and sends it the signals, one after each line that it says. */
async function runProgram(kernel: string, args: readonly string[], signals: readonly Deno.Signal[]): Promise<Ended> {
  const program = new URL("./fixtures/main_program.ts", import.meta.url).href;
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--no-prompt", ...kernel === "linux" ? ["--allow-ffi"] : [], "--config", config, program, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let text = "";
  let sent = 0;
  for await (const chunk of process.stdout.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const lines = text.split("\n").length - 1;
    while (sent < Math.min(lines, signals.length)) process.kill(signals[sent++]);
  }
  return { lines: text.trimEnd().split("\n"), status: await process.status };
}

for (const kernel of ["linux", "portable"]) {
  Deno.test(`main() with signals "cancel" answers a real SIGTERM by a clean-up that may take its time, then exits with 0 (${kernel})`, async () => {
    const { lines, status } = await runProgram(kernel, ["cancel", "quick"], ["SIGTERM"]);
    assertEquals(lines, ["ready", "CancelledError", "cleaned up", "exit code 0"]);
    assertEquals([status.code, status.signal], [0, null]);
  });

  Deno.test(`main() with signals "cancel" exits at a second real signal, of either kind (${kernel})`, async () => {
    const { lines, status } = await runProgram(kernel, ["cancel", "slow"], ["SIGINT", "SIGTERM"]);
    assertEquals(lines, ["ready", "CancelledError", "clean-up: CancelledError", "exit code 0"]);
    assertEquals([status.code, status.signal], [0, null]);
  });

  Deno.test(`main() with signals "exit" exits at the first real signal (${kernel})`, async () => {
    const { lines, status } = await runProgram(kernel, ["exit", "slow"], ["SIGTERM"]);
    assertEquals(lines, ["ready", "CancelledError", "clean-up: CancelledError", "exit code 0"]);
    assertEquals([status.code, status.signal], [0, null]);
  });

  Deno.test(`main() with signals "none" leaves a real signal its default action (${kernel})`, async () => {
    const { lines, status } = await runProgram(kernel, ["none", "quick"], ["SIGTERM"]);
    assertEquals([lines, status.signal], [["ready"], "SIGTERM"]);
  });
}
