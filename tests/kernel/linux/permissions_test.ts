import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { libcPlaces } from "../../../event/kernel/linux/libc.ts";
import { linuxKernel } from "../../../event/kernel/linux/mod.ts";

const place = libcPlaces().find(exists)!;

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** What a fixture prints when it is run with these flags and nothing else. */
async function output(fixture: string, flags: string[], args: string[] = []): Promise<string> {
  const path = new URL(`fixtures/${fixture}`, import.meta.url).pathname;
  const command = new Deno.Command(Deno.execPath(), { args: ["run", "--no-prompt", ...flags, path, ...args], env: { FIXTURE: "set" } });
  const { stdout, stderr } = await command.output();
  assertEquals(new TextDecoder().decode(stderr), "");
  return new TextDecoder().decode(stdout).trim();
}

const facts = [
  "ready 1 7",
  "read 3",
  "fired 4",
  "boot 16",
  "environment set undefined",
  "signal true",
  "resolved 1 8 true",
  "file 9 true",
  "watch 1 / string",
  "sent 3",
  "received 3 2",
];

Deno.test("linuxKernel() needs the permission for the file of libc and no other", async () => {
  assertEquals(await output("whole_kernel.ts", [`--allow-ffi=${place}`]), facts.join("\n"));
});

Deno.test("linuxKernel() needs no permission any more when a poller of it has been asked", async () => {
  assertEquals(await output("whole_kernel.ts", [`--allow-ffi=${place}`], [place]), ["revoked true", ...facts].join("\n"));
});

Deno.test("linuxKernel() opens libc with the permission for all of FFI, once for the isolate", async () => {
  assertEquals(await output("open_kernel.ts", ["--allow-ffi"]), "opened true");
});

Deno.test("linuxKernel() throws EPERM that names the flag to add when it is not permitted", async () => {
  for (const flags of [[], ["--allow-ffi=/opt/libc.so.6"], ["--allow-read", "--allow-env"]]) {
    const message = await output("open_kernel.ts", flags);
    assertStringIncludes(message, `SystemError EPERM: Cannot use the Linux kernel`);
    assertStringIncludes(message, `run with --allow-ffi=${libcPlaces()[0]} `);
  }
});

Deno.test("linuxKernel() throws ELIBACC that names the other places when the permitted one has no libc", async () => {
  const empty = libcPlaces().find((path) => !exists(path))!;
  const message = await output("open_kernel.ts", [`--allow-ffi=${empty}`]);
  assertStringIncludes(message, `SystemError ELIBACC: Cannot load libc from '${empty}'`);
  assertStringIncludes(message, place);
});

Deno.test("linuxKernel() throws EOPNOTSUPP that says what it needs on another system, and without Deno", async () => {
  assertEquals(
    await output("open_kernel.ts", ["--allow-ffi"], ["darwin"]),
    "SystemError EOPNOTSUPP: Cannot use the Linux kernel on 'aarch64-apple-darwin': not supported, it needs Linux on x86-64 or 64-bit Arm",
  );
  assertEquals(
    await output("open_kernel.ts", ["--allow-ffi"], ["elsewhere"]),
    "SystemError EOPNOTSUPP: Cannot use the Linux kernel: libc is reached by Deno's FFI, run the program with Deno",
  );
});

Deno.test("linuxKernel() leaves nothing open for a test's sanitizers to find, as libc was opened with the module", () => {
  assert(linuxKernel().now(2) > 0);
  assertEquals(linuxKernel().duplicate(-1), -9);
});

Deno.test("linuxKernel() of a worker has an errno of its own", async () => {
  const worker = new Worker(new URL("fixtures/worker.ts", import.meta.url), { type: "module" });
  const answers = await new Promise((resolve) => worker.onmessage = ({ data }) => resolve(data));
  worker.terminate();
  assertEquals(answers, [-9, linuxKernel().pid]);
});
