import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { Errno } from "../../../event/errno.ts";
import { ChildEvent } from "../../../event/flags.ts";
import type { Handle, SpawnCommand } from "../../../event/kernel/kernel.ts";
import { libc, libcPlaces } from "../../../event/kernel/linux/libc.ts";
import { linuxKernel } from "../../../event/kernel/linux/mod.ts";
import { setBlocked } from "../../../event/kernel/linux/signal_threads.ts";
import { isBlocking, isCloseOnExec, openDescriptors } from "./descriptors.ts";
import { emptyRecord, finish, output, readAll, shell, start } from "./spawning.ts";

const kernel = linuxKernel();

const SIGUSR2 = 12;
const SIGCHLD = 17;

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

function write(handle: Handle, text: string): void {
  assertEquals(kernel.tryWrite(handle, new TextEncoder().encode(text)), text.length);
}

/** Whether this process has children, reaped or not. */
function hasChildren(): boolean {
  const P_ALL = 0;
  const WNOHANG = 1;
  return libc.waitid(P_ALL, 0, new Uint8Array(128), ChildEvent.EXITED | ChildEvent.NOWAIT | WNOHANG) === 0;
}

Deno.test("spawn() opens pipes whose own ends do not block and are closed by exec", () => {
  const process = start(shell("read line; echo out $line; echo err $line >&2", { stdin: "piped", stdout: "piped", stderr: "piped" }));
  for (const handle of [process.stdin, process.stdout, process.stderr]) {
    assert(!isBlocking(handle));
    assert(isCloseOnExec(handle));
  }
  assert(isCloseOnExec(process.handle));
  write(process.stdin, "there\n");
  kernel.close(process.stdin);
  assertEquals([readAll(process.stdout), readAll(process.stderr)], ["out there\n", "err there\n"]);
  assertEquals(finish(process).status, 0);
});

Deno.test("spawn() gives the child its three streams and no other descriptor of its own", () => {
  const passed = new Set([0, 1, 2, ...openDescriptors().filter((handle) => !isCloseOnExec(handle))]);
  let directory = 3;
  while (passed.has(directory)) directory++;
  const listing = output("exec ls /proc/self/fd", { stdin: "piped" }).split("\n").map(Number);
  assertEquals(listing.sort((a, b) => a - b), [...passed, directory].sort((a, b) => a - b));
});

Deno.test("spawn() gives the child ends of pipes that block", () => {
  for (const stream of [0, 1]) {
    const flags = /flags:\s*(\d+)/.exec(output(`exec cat /proc/self/fdinfo/${stream}`, { stdin: "piped" }))![1];
    const O_NONBLOCK = 0o4000;
    assertEquals(parseInt(flags, 8) & O_NONBLOCK, 0);
  }
});

Deno.test("spawn() opens /dev/null for each stream in its own direction", () => {
  assertEquals(output("cat; echo done"), "done");
  const process = start(shell("echo lost && echo lost >&2", { stderr: "null" }));
  assertEquals(finish(process).status, 0);
});

Deno.test("spawn() copes with closed and with exchanged standard streams, and with running out of descriptors", async () => {
  const place = libcPlaces().find(exists)!;
  const fixture = new URL("fixtures/spawn_descriptors.ts", import.meta.url).pathname;
  const args = ["run", "--no-prompt", `--allow-ffi=${place}`, fixture, place];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args, stderr: "inherit" }).output();
  const [crossed, crossedStatus, inherited, inheritedStatus, closed, closedStatus, ...rest] = new TextDecoder().decode(stdout).split(
    "\n",
  );
  assertEquals([crossed, crossedStatus], [`"in\\nerror\\n"`, "0"]);
  assertEquals([inherited, inheritedStatus], [`"inherited\\n"`, "0"]);
  assertEquals([closed, closedStatus], [`["out in\\n","err\\n"]`, "0"]);
  assertEquals(rest.slice(0, 3), ["EMFILE", "-1", "0"]);
  const [steps, left] = rest.slice(3);
  assertMatch(steps, /^(EMFILE ){4,}5$/);
  assertEquals(left, "0");
});

Deno.test("spawn() hands arguments over as they are", () => {
  const args = ["-c", `printf '%s|' "$@"`, "sh", "", "two words", "$HOME", "grüße", "\u{1f980}", "a\nb"];
  assertEquals(output("", { args }), "|two words|$HOME|grüße|\u{1f980}|a\nb|");
});

Deno.test("spawn() hands over what is long and what is short, one after the other", () => {
  const script = `echo "\${#1} \${#2} \${#LONG}"; printf '%s' "$1$2$LONG" | tr -d x`;
  for (const length of [1, 5_000, 60_000, 3, 120_000, 2, 5_000]) {
    const long = "x".repeat(length - 1);
    const args = ["-c", script, "sh", `${long}a`, `${long}b`];
    assertEquals(output("", { args, env: { LONG: `${long}c` } }), `${length} ${length} ${length}\nabc`);
  }
});

Deno.test("spawn() starts the child in another directory, from which a relative command is looked up", () => {
  assertEquals(output("pwd", { cwd: "/usr" }), "/usr");
  const process = start(shell("exit 3", { command: "bin/sh", cwd: "/usr" }));
  assertEquals(finish(process).status, 3);
});

Deno.test("spawn() passes the environment on as it is now, with changes and additions", () => {
  Deno.env.set("SPAWN_KEPT", "kept");
  Deno.env.set("SPAWN_CHANGED", "before");
  for (let index = 0; index < 100; index++) Deno.env.set(`SPAWN_${index}`, "so many that libc moves the list");
  const script = `echo "$SPAWN_KEPT $SPAWN_CHANGED $SPAWN_ADDED $SPAWN_99"; env | grep -c '^SPAWN_CHANGED='`;
  assertEquals(output(script), "kept before  so many that libc moves the list\n1");
  const env = { SPAWN_CHANGED: "after=all", SPAWN_ADDED: "grüße" };
  assertEquals(output(script, { env }), "kept after=all grüße so many that libc moves the list\n1");
  for (let index = 0; index < 100; index++) Deno.env.delete(`SPAWN_${index}`);
  for (const name of ["SPAWN_KEPT", "SPAWN_CHANGED"]) Deno.env.delete(name);
});

Deno.test("spawn() with clearEnv leaves this process's environment out", () => {
  const env = { ONE: "1", TWO: "" };
  assertEquals(output("env", { command: "/usr/bin/env", args: [], env, clearEnv: true }), "ONE=1\nTWO=");
  assertEquals(output("env", { command: "/usr/bin/env", args: [], clearEnv: true }), "");
});

Deno.test("spawn() looks a name up in this process's PATH, whatever the child's is", () => {
  assertEquals(output("echo $PATH", { env: { PATH: "/nowhere" } }), "/nowhere");
});

Deno.test("spawn() gives the child a process group of its own, or this process's", () => {
  const script = "read line < /proc/self/stat; set -- $line; echo $1 $5";
  const [pid, group] = output(script, { processGroup: true }).split(" ");
  assertEquals(group, pid);
  const [other, mine] = output(script).split(" ");
  assertNotEquals(mine, other);
});

Deno.test("spawn() starts the child with no signal blocked and none ignored", () => {
  const ignored = new Uint8Array(152);
  ignored[0] = 1;
  const before = new Uint8Array(152);
  libc.sigaction(SIGUSR2, ignored, before);
  const wasBlocked = setBlocked(SIGCHLD, true);
  const status = output("exec cat /proc/self/status", { stderr: "null" });
  setBlocked(SIGCHLD, wasBlocked);
  libc.sigaction(SIGUSR2, before, null);
  const masks = ["SigBlk", "SigIgn", "SigPnd"].map((name) => new RegExp(`^${name}:\\s*(\\w+)$`, "m").exec(status)![1]);
  assertEquals(masks, Array(3).fill("0000000000000000"));
});

Deno.test("spawn() reports why a program cannot be started, and leaves nothing behind", () => {
  const before = openDescriptors();
  const streams = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
  const cases: [number, Partial<SpawnCommand>][] = [
    [Errno.ENOENT, { command: "no-such-command" }],
    [Errno.ENOENT, { command: "/no/such/command" }],
    [Errno.ENOENT, { command: "" }],
    [Errno.ENOENT, { cwd: "/no/such/directory" }],
    [Errno.ENOTDIR, { cwd: "/dev/null" }],
    [Errno.EACCES, { command: "/dev/null" }],
    [Errno.EBADF, { stdout: { fd: 1000 } }],
    [Errno.EBADF, { stderr: { fd: -1 } }],
    [Errno.E2BIG, { args: ["x".repeat(1 << 20)] }],
  ];
  for (const [errno, options] of cases) assertEquals(kernel.spawn(shell("true", { ...streams, ...options })), -errno);
  assertEquals(openDescriptors(), before);
  assert(!hasChildren());
});

Deno.test("spawn() reports EINVAL for what C cannot say", () => {
  const cases: Partial<SpawnCommand>[] = [
    { command: "s\0h" },
    { args: ["-c", "a\0b"] },
    { cwd: "/\0" },
    { env: { "A\0": "" } },
    { env: { A: "\0" } },
    { env: { "": "" } },
    { env: { "A=B": "" } },
  ];
  for (const options of cases) assertEquals(kernel.spawn(shell("true", options)), -Errno.EINVAL);
});

Deno.test("spawn() and reaping a thousand times leave no descriptor and no zombie", () => {
  const before = openDescriptors();
  for (let count = 0; count < 1000; count++) {
    const process = start(shell("", { command: "true", args: [], stdout: "piped" }));
    assertEquals(readAll(process.stdout), "");
    assertEquals(kernel.reapKilledProcess(process.handle), 0);
    assertEquals(kernel.reapProcess(process.handle, ChildEvent.EXITED, emptyRecord()), -Errno.ECHILD);
    kernel.close(process.handle);
  }
  assertEquals(openDescriptors(), before);
  assert(!hasChildren());
});
