import { assertEquals, assertStringIncludes } from "@std/assert";
import { type Client, Daemon, daemonCommand, eventually, permissionsFor, processExists } from "./_daemon.ts";
import { ownFlags } from "./_program.ts";

const GOODBYE = "goodbye the daemon ends";
const EIGHT_MIB = 8 * 1024 * 1024;

/** A folder that goes with the test. In it is a command that ignores SIGTERM and tells its number first. */
class Folder implements Disposable {
  readonly path = Deno.makeTempDirSync();
  readonly stubbornCommand = `sh ${this.path}/stubborn.sh`;

  constructor() {
    Deno.writeTextFileSync(`${this.path}/stubborn.sh`, "trap '' TERM\necho $$\nexec sleep 1000\n");
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** The number that a stubborn command tells. */
async function readPid(client: Client): Promise<number> {
  const header = await client.line() ?? "";
  assertStringIncludes(header, "data ");
  return Number(await client.line());
}

/** Registers a test of a daemon on each kernel that it can run on; `start` starts one. */
function daemonTest(name: string, body: (start: (...args: string[]) => Promise<Daemon>) => Promise<void>): void {
  for (const kernel of ["linux", "portable"] as const) {
    Deno.test(`${name} (${kernel})`, () => body((...args) => Daemon.start(kernel, ...args)));
  }
}

daemonTest("The daemon serves 500 clients at once", async (start) => {
  await using daemon = await start();
  const clients = await Promise.all(Array.from({ length: 500 }, () => daemon.connect()));
  const answers = await Promise.all(clients.map((client, number) => client.ask(`echo I am ${number}`)));
  assertEquals(answers, clients.map((_, number) => `I am ${number}`));
  assertEquals((await daemon.stats()).connections, 501);
  const again = await Promise.all(clients.map((client) => client.ask("sleep 20")));
  assertEquals(new Set(again), new Set(["slept 20"]));
  for (const client of clients) client[Symbol.dispose]();
  const { code, stats } = await daemon.terminate();
  assertEquals(code, 0);
  assertEquals(stats.requests, 1001);
  assertEquals([stats.started, stats.unwound, stats.connections], [501, 501, 0]);
});

daemonTest(
  "The daemon serves others while a client does not read the 8 MiB that it is sent, and takes no more of them meanwhile",
  async (start) => {
    await using daemon = await start();
    using idle = await daemon.connect();
    await idle.send(`run head -c ${EIGHT_MIB} /dev/zero\n`);
    for (let round = 0; round < 200; round++) {
      using other = await daemon.connect();
      assertEquals(await other.ask(`echo ${round}`), `${round}`);
    }
    const { childrenStarted, childrenEnded } = await daemon.stats();
    assertEquals([childrenStarted, childrenEnded], [1, 0], "The command must be held back, since nobody takes its output");
    assertEquals(await idle.output(), { bytes: EIGHT_MIB, last: "exited 0" });
    assertEquals(await idle.ask("echo still here"), "still here");
  },
);

daemonTest("The daemon outlives a client that resets its connection in the middle of a line", async (start) => {
  await using daemon = await start();
  using other = await daemon.connect();
  let descriptors = 0;
  for (let round = 0; round < 20; round++) {
    const { requests } = await daemon.stats();
    const client = await Deno.connect({ hostname: "127.0.0.1", port: daemon.port });
    await client.write(new TextEncoder().encode("echo unread\necho half a li"));
    // Closing with an answer unread resets the connection.
    await eventually(async () => JSON.parse(await other.ask("stats")).requests >= requests + 2);
    client.close();
    await eventually(async () => JSON.parse(await other.ask("stats")).connections === 1);
    if (round === 0) descriptors = daemon.descriptors();
  }
  // A host closes its sockets in a turn of its own. One that is kept each time would be twenty.
  await eventually(() => daemon.descriptors() <= descriptors);
  assertEquals(await other.ask("echo fine"), "fine");
});

daemonTest("The daemon kills a command that ignores SIGTERM when its time is over, and leaves no zombie", async (start) => {
  using folder = new Folder();
  await using daemon = await start("--run-ms=100", "--kill-ms=100");
  using client = await daemon.connect();
  await client.send(`run ${folder.stubbornCommand}\n`);
  const pid = await readPid(client);
  assertEquals(await client.line(), "timed out");
  assertEquals(await processExists(pid), false);
  const { childrenStarted, childrenEnded } = await daemon.stats();
  assertEquals([childrenStarted, childrenEnded], [1, 1]);
});

daemonTest(
  "SIGTERM in the middle of everything: each client is told, children end, nothing is left behind, the status is 0",
  async (start) => {
    using folder = new Folder();
    const path = `${folder.path}/daemon.sock`;
    await using daemon = await start(`--listen=unix:${path}`, "--kill-ms=100");
    const waiting = await Promise.all(Array.from({ length: 50 }, () => daemon.connect()));
    for (const client of waiting) assertEquals(await client.ask("echo hello"), "hello");
    using sleeping = await daemon.connect();
    await sleeping.send("sleep 100000\n");
    using deaf = await daemon.connect();
    await deaf.send(`run head -c ${EIGHT_MIB} /dev/zero\n`);
    using running = await daemon.connect();
    await running.send(`run ${folder.stubbornCommand}\n`);
    const pid = await readPid(running);
    await eventually(async () => (await daemon.stats()).childrenStarted === 2);

    const { code, signal, stats, stderr } = await daemon.terminate();

    assertEquals([code, signal, stderr], [0, null, ""]);
    for (const client of [...waiting, sleeping, running]) assertEquals(await client.line(), GOODBYE);
    assertEquals([stats.connections, stats.started - stats.unwound, stats.childrenStarted - stats.childrenEnded], [0, 0, 0]);
    assertEquals(await processExists(pid), false);
    assertEquals([...Deno.readDirSync(folder.path)].map(({ name }) => name), ["stubborn.sh"], "The socket file must be gone");
    for (const client of waiting) client[Symbol.dispose]();
  },
);

daemonTest("The daemon hangs up on a client that is idle", async (start) => {
  await using daemon = await start("--idle-ms=50");
  using client = await daemon.connect();
  assertEquals(await client.ask("echo hello"), "hello");
  assertEquals(await client.line(), "goodbye you were idle");
  assertEquals(await client.line(), undefined);
});

daemonTest("The daemon fetches by the host's own means", async (start) => {
  await using daemon = await start();
  using client = await daemon.connect();
  assertEquals(await client.ask("fetch data:,hello"), "status 200");
  assertEquals(await client.line(), "data 5");
  await client.send("\n");
  assertStringIncludes(await client.line() ?? "", "hello");
});

daemonTest("The daemon answers what it cannot serve, and goes on", async (start) => {
  await using daemon = await start();
  using client = await daemon.connect();
  assertStringIncludes(await client.ask("dance"), "error EINVAL Cannot serve 'dance'");
  assertStringIncludes(await client.ask("sleep soon"), "error EINVAL");
  assertStringIncludes(await client.ask("run"), "error EINVAL");
  assertStringIncludes(await client.ask("run /no/such/command"), "error ENOENT");
  assertStringIncludes(await client.ask("fetch nonsense"), "error EIO");
  assertEquals(await client.ask("echo fine"), "fine");
});

daemonTest("The daemon takes lines of 64 KiB, and hangs up on a client whose line is longer, or has no end", async (start) => {
  await using daemon = await start();
  using client = await daemon.connect();
  const text = "x".repeat(64 * 1024 - "echo ".length);
  assertEquals(await client.ask(`echo ${text}`), text);
  await client.send(`echo ${text}x\n`);
  assertEquals(await client.line(), "goodbye EMSGSIZE");
  using other = await daemon.connect();
  await other.send("x".repeat(200_000));
  assertEquals(await other.line(), "goodbye EMSGSIZE");
});

const hasNetcat = new Deno.Command("sh", { args: ["-c", "command -v nc"], stdout: "null" }).outputSync().success;

Deno.test({
  name: `The daemon serves netcat${hasNetcat ? "" : ", left out: there is none"}`,
  ignore: !hasNetcat,
  async fn() {
    await using daemon = await Daemon.start("linux", "--idle-ms=200");
    const args = ["127.0.0.1", `${daemon.port}`];
    const child = new Deno.Command("nc", { args, stdin: "piped", stdout: "piped", stderr: "null" }).spawn();
    const input = child.stdin.getWriter();
    await input.write(new TextEncoder().encode("echo from the system\n"));
    const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (let part; !text.endsWith("idle\n") && !(part = await output.read()).done;) text += part.value;
    // Some end when they are hung up on, some when their own input does.
    await input.close().catch(() => {});
    await output.cancel();
    await child.status;
    assertEquals(text, "from the system\ngoodbye you were idle\n");
  },
});

Deno.test("The daemon that may not start processes says so to whoever asks for one, and serves on", async () => {
  await using daemon = await Daemon.startWith(ownFlags("daemon.ts"));
  using client = await daemon.connect();
  const answer = await client.ask("run echo hello");
  assertStringIncludes(answer, "error EACCES Cannot start 'echo'");
  assertStringIncludes(answer, "--allow-run");
  assertEquals(await client.ask("echo fine"), "fine");
  const { code, stats, stderr } = await daemon.terminate();
  assertEquals([code, stderr, stats.errors, stats.childrenStarted, stats.childrenEnded], [0, "", 1, 0, 0]);
  assertEquals(await client.line(), GOODBYE);
});

Deno.test("The daemon without permission says which flag to add", async () => {
  const { code, stderr } = await daemonCommand([], []).output();
  assertEquals(code, 1);
  assertStringIncludes(new TextDecoder().decode(stderr), "--allow-net");
});

Deno.test("The daemon with a path too long for AF_UNIX says so", async () => {
  const { code, stderr } = await daemonCommand(permissionsFor.linux, [`--listen=unix:/tmp/${"x".repeat(200)}`]).output();
  assertEquals(code, 1);
  const message = new TextDecoder().decode(stderr);
  assertStringIncludes(message, "a socket's path has at most 107 bytes");
});
