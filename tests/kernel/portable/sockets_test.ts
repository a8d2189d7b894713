/**
 * The portable kernel's sockets and the life of the process; socket files.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { Errno } from "../../../event/errno.ts";
import { SocketTrial } from "./_sockets.ts";

const program = new URL("fixtures/sockets.ts", import.meta.url).pathname;

/** What the program prints until it ends, which it does by itself. */
async function output(what: string, port: number, flags: readonly string[] = ["--allow-net"]): Promise<string> {
  const args = ["run", "--no-prompt", "--no-check", ...flags, program, what, String(port)];
  const { stdout, stderr, code, signal } = await new Deno.Command(Deno.execPath(), { args, signal: AbortSignal.timeout(60_000) }).output();
  assertEquals([new TextDecoder().decode(stderr), code, signal], ["", 0, null]);
  return new TextDecoder().decode(stdout).trim();
}

Deno.test("Open sockets keep no process alive", async () => {
  await using trial = new SocketTrial();
  const port = await trial.serve((socket) => void socket.resume());
  assertEquals(await output("open", port), "opened");
});

Deno.test("A process ends only when a closed connection has sent what was written", async () => {
  await using trial = new SocketTrial();
  let received = 0;
  let ended = false;
  const port = await trial.serve((socket) => {
    // A slow one.
    socket.on("data", (data) => {
      received += data.length;
      socket.pause();
      setTimeout(() => socket.resume(), 0);
    });
    socket.on("end", () => ended = true);
  });
  assertEquals(await output("farewell", port), "closed");
  await trial.until(() => ended);
  assertEquals(received, 10_000_000);
});

Deno.test("connect() by name says which permission is missing", async () => {
  const message = "Cannot resolve 'some.test': not permitted, by the system or for want of --allow-net";
  assertEquals(await output("resolve", 1, []), message);
});

Deno.test("Kernel.removeSocketFile() removes no file of another kind, and the file of a listener goes with it", async () => {
  await using trial = new SocketTrial();
  const { kernel } = trial;
  const path = `/tmp/sd-fibers-${crypto.randomUUID()}`;
  assertEquals(kernel.removeSocketFile(path), -Errno.ENOENT);
  assertEquals(kernel.removeSocketFile(`@${path}`), -Errno.ENOENT);
  Deno.writeTextFileSync(path, "");
  assertEquals(kernel.removeSocketFile(path), -Errno.ENOTSOCK);
  Deno.removeSync(path);
  const [listener] = trial.listen({ path });
  assert(Deno.statSync(path).isSocket);
  assertEquals(kernel.openListener({ path }), -Errno.EADDRINUSE);
  assertEquals(kernel.removeSocketFile(path), 0);
  trial.drop(listener);
  const [other] = trial.listen({ path });
  trial.drop(other);
  assertEquals(kernel.removeSocketFile(path), -Errno.ENOENT);
});

Deno.test("The portable kernel has no service manager to tell, and no news of steps of the clock", async () => {
  await using trial = new SocketTrial();
  const { kernel } = trial;
  assertEquals([kernel.sendDatagram("/run/notify", Uint8Array.of(1)), kernel.openTimeChange()], Array(2).fill(-Errno.EOPNOTSUPP));
});

Deno.test("Kernel.openListener() shares no ports", async () => {
  await using trial = new SocketTrial();
  assertEquals(trial.kernel.openListener({ hostname: "127.0.0.1", port: 0, reusePort: true }), -Errno.EOPNOTSUPP);
});

Deno.test("Kernel.connectSocket() is EOPNOTSUPP for every socket, since they are opened on their way", async () => {
  await using trial = new SocketTrial();
  const [listener] = trial.listen();
  assertEquals(trial.kernel.connectSocket(listener, { port: 1 }), -Errno.EOPNOTSUPP);
  assertEquals(trial.kernel.connectSocket(12, { port: 1 }), -Errno.EBADF);
});
