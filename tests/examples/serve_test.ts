import { assertEquals } from "@std/assert";
import { eventually } from "./_daemon.ts";
import { ownFlags } from "./_program.ts";

const program = new URL("../../examples/serve.ts", import.meta.url).pathname;

/** A server under test: a process of its own, and what it has printed. */
class Server implements AsyncDisposable {
  readonly lines: string[] = [];
  readonly #child: Deno.ChildProcess;
  readonly #printed: Promise<void>;
  readonly #stderr: Promise<string>;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#printed = this.#read();
    this.#stderr = new Response(child.stderr).text();
  }

  /** Starts one with what its first line says and no other permission but these. */
  static async start(...more: string[]): Promise<Server> {
    const server = new Server(
      new Deno.Command(Deno.execPath(), {
        args: ["run", "--no-prompt", ...ownFlags("serve.ts"), ...more, program, "0"],
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
        env: { NO_COLOR: "1" },
      }).spawn(),
    );
    await eventually(() => server.lines.length > 0);
    return server;
  }

  async #read(): Promise<void> {
    let rest = "";
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      this.lines.push(...lines);
    }
  }

  async get(path: string, signal?: AbortSignal): Promise<string> {
    const port = this.lines[0].replace("listening on ", "");
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal, headers: { connection: "close" } });
    return `${response.status} ${await response.text()}`;
  }

  /** Ends it as a service manager does: its status, and what it said on the error stream. */
  async terminate(): Promise<{ code: number; stderr: string }> {
    this.#child.kill("SIGTERM");
    return await this.#end();
  }

  async #end(): Promise<{ code: number; stderr: string }> {
    const { code } = await this.#child.status;
    await this.#printed;
    return { code, stderr: await this.#stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
    await this.#end();
  }
}

/** Registers a test of a server on each kernel that it can run on. */
function serverTest(name: string, body: (server: Server) => Promise<void>): void {
  for (const [kernel, flags] of [["linux", ["--allow-ffi"]], ["portable", []]] as const) {
    Deno.test(`${name} (${kernel})`, async () => {
      await using server = await Server.start(...flags);
      await body(server);
    });
  }
}

serverTest("The server answers by fibers, beside the host's own work", async (server) => {
  const reports = await Promise.all([5, 1, 3].map((ms) => server.get(`/report?ms=${ms}`)));
  assertEquals(reports, Array(3).fill("200 all is well\n"));
  assertEquals(await server.get("/nothing"), "404 Not found\n");
  assertEquals(await server.get("/figures"), `200 {"begun":5,"answered":4,"cancelled":0}`);
  assertEquals(await server.terminate(), { code: 0, stderr: "" });
});

serverTest("A client that goes away cancels its fiber, whose clean-up runs to its end", async (server) => {
  const controller = new AbortController();
  const report = server.get("/report?ms=60000", controller.signal).catch(({ name }) => name);
  await eventually(() => server.lines.includes("1 starts a report"));
  controller.abort();
  assertEquals(await report, "AbortError");
  await eventually(() => server.lines.length === 4);
  assertEquals(server.lines.slice(1), ["1 starts a report", "1 removed its files", "1 cancelled by an AbortSignal"]);
  assertEquals(await server.get("/figures"), `200 {"begun":2,"answered":0,"cancelled":1}`);
  assertEquals(await server.terminate(), { code: 0, stderr: "" });
});

serverTest("SIGTERM lets requests that are under way end", async (server) => {
  const report = server.get("/report?ms=200");
  await eventually(() => server.lines.includes("1 starts a report"));
  const end = await server.terminate();
  assertEquals([await report, end], ["200 all is well\n", { code: 0, stderr: "" }]);
});

serverTest("SIGTERM cancels a request that takes too long, serves its clean-up, and its client is told", async (server) => {
  const report = server.get("/report?ms=60000");
  await eventually(() => server.lines.includes("1 starts a report"));
  const end = await server.terminate();
  assertEquals([await report, end], ["503 Cancelled\n", { code: 0, stderr: "" }]);
  assertEquals(server.lines.slice(1), ["1 starts a report", "1 removed its files", "1 cancelled by an AbortSignal"]);
});
