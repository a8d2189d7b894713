/**
 * Echo over TCP: a server in one process, its clients in another.
 *
 * @module
 */

import type { Programs } from "./compile.ts";
import type { Patience, Sample } from "./meters.ts";
import { runProgram, scriptArgs } from "./processes.ts";

interface Seen {
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  readonly echoes: number;
  readonly served: number;
}

/**
 * So many times as long as others a server is warmed up: it does in one message what they do in a thousand operations, two thirds of it the kernel's, so
 * it takes longer until the compiler has seen it all. It then has what any server has that runs for more than some seconds.
 */
const WARM_UPS = 5;

/** The kernel counts in these. */
const TICK_NSEC = 10_000_000;

/**
 * Echoes a second, latencies in microseconds, and nanoseconds an echo: that passed, and of the server's processor time. What a thread of
 * the server could do at most is told by the latter; the clients share the processors.
 */
export async function measureEcho(side: string, connections: number, patience: Patience, programs: Programs): Promise<Sample> {
  const [command, args] = serverOf(side, programs);
  const server = new Deno.Command(command, { args, stdout: "piped", stderr: "inherit" }).spawn();
  const lines = server.stdout.pipeThrough(new TextDecoderStream()).getReader();
  try {
    const port = (await lines.read()).value!.trim();
    await warmUp(server.pid, port, connections, patience, programs);
    const before = usedNsec(server.pid);
    const { rate, p50, p99, echoes, served } = await ask(port, connections, patience.repetitions * patience.enoughMsec, programs);
    const cpu = (usedNsec(server.pid) - before) / echoes;
    return { values: { rate, wall: 1e9 / rate, cpu, p50, p99 }, done: served };
  } finally {
    server.kill("SIGKILL");
    await server.status;
    await lines.cancel();
  }
}

/** The compiler wants to have seen it often, and to have had the time for it. */
async function warmUp(pid: number, port: string, connections: number, patience: Patience, programs: Programs): Promise<void> {
  const end = performance.now() + WARM_UPS * patience.mostMsec;
  const enough = usedNsec(pid) + WARM_UPS * patience.enoughMsec * 1e6;
  while (usedNsec(pid) < enough && performance.now() < end) await ask(port, connections, patience.enoughMsec, programs);
}

function serverOf(side: string, programs: Programs): [command: string, args: string[]] {
  if (side === "c") return [programs.echo!, []];
  const isOurs = ["blocking", "hosted", "portable"].includes(side);
  return [Deno.execPath(), scriptArgs(`echo/${isOurs ? "ours" : side}.ts`, side)];
}

async function ask(port: string, connections: number, msec: number, programs: Programs): Promise<Seen> {
  const args = [port, String(connections), String(msec)];
  const output = programs.load !== undefined
    ? await runProgram(programs.load, args)
    : await runProgram(Deno.execPath(), scriptArgs("echo/load.ts", ...args));
  return JSON.parse(output);
}

/** What a process has used of the processors, with all its threads. */
function usedNsec(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  // The second field is the program's name in parentheses; the 14th and 15th are the times in user mode and in the kernel.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_NSEC;
}
