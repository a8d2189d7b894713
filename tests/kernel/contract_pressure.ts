/**
 * The contract, 14: what tells of pressure.
 *
 * @module
 */

import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { Errno } from "../../event/errno.ts";
import { IoEvent } from "../../event/flags.ts";
import type { Handle, PressureResource } from "../../event/kernel/kernel.ts";
import { contractTest, type KernelHands, type Trial } from "./_trial.ts";

const { IN, OUT, PRI, HUP } = IoEvent;
const resources: readonly PressureResource[] = ["memory", "cpu", "io"];

/** Opens what somebody else has put at the path. */
function open(trial: Trial, path: string, writable: boolean): Handle {
  const opened = trial.kernel.openPressure(path, writable);
  assert(typeof opened === "object");
  assertEquals(opened.kind, "other");
  return trial.own(opened.handle);
}

/** Registers the tests for one kernel. */
export function testPressure(hands: KernelHands): void {
  contractTest(hands, "Kernel.openPressure() opens a FIFO for reading, or for both", (trial) => {
    const path = hands.path();
    hands.makeFifo(trial.kernel, path);
    const reader = open(trial, path, false);
    assertEquals(trial.read(reader), "");
    const both = open(trial, path, true);
    assertEquals(trial.read(reader), "EAGAIN");
    assertEquals(trial.kernel.tryWrite(reader, Uint8Array.of(1)), -Errno.EBADF);
    assertEquals(trial.poller.watch(reader, IN, false, 1), 0);
    assertEquals(trial.poller.watch(both, IN | OUT, false, 2), 0);
    trial.write(both, "pressure");
    assertEquals(trial.reports(), [[1, IN], [2, IN | OUT]]);
    assertEquals(trial.read(reader), "pressure");
    assertEquals(trial.reports(), [[2, OUT]]);
    trial.drop(both);
    assertEquals(trial.reports(), [[1, HUP]]);
    assertEquals(trial.read(reader), "");
  });

  contractTest(hands, "A FIFO that nobody has opened for writing yet reports nothing", (trial) => {
    const path = hands.path();
    hands.makeFifo(trial.kernel, path);
    assertEquals(trial.poller.watch(open(trial, path, false), IN, false, 1), 0);
    assertEquals(trial.reports(), []);
  });

  contractTest(hands, "A FIFO has room for so much, and none for a part of what is written whole", (trial) => {
    const path = hands.path();
    hands.makeFifo(trial.kernel, path);
    const both = open(trial, path, true);
    assertEquals(trial.poller.watch(both, OUT, false, 1), 0);
    const capacity = trial.fill(both);
    assertEquals(trial.kernel.tryWrite(both, Uint8Array.of(1)), -Errno.EAGAIN);
    assertEquals(trial.reports(), []);
    assertEquals(trial.read(both, 4_095).length, 4_095);
    assertEquals(trial.kernel.tryWrite(both, new Uint8Array(4_096)), -Errno.EAGAIN);
    let left = capacity - 4_095;
    while (left > 0) left -= trial.read(both, 65_536).length;
    assertEquals(trial.reports(), [[1, OUT]]);
  });

  contractTest(hands, "Kernel.openPressure() connects to a socket", (trial) => {
    const path = hands.path();
    const listener = trial.own(trial.kernel.openListener({ path }));
    const client = open(trial, path, false);
    const server = trial.own(trial.kernel.tryAccept(listener));
    trial.write(client, "configuration");
    assertEquals(trial.read(server), "configuration");
    assertEquals(trial.poller.watch(client, IN, false, 1), 0);
    assertEquals(trial.reports(), []);
    trial.write(server, "x");
    assertEquals(trial.reports(), [[1, IN]]);
    assertEquals(trial.read(client), "x");
    trial.drop(server);
    assertEquals(trial.reports(), [[1, IN | HUP]]);
    assertEquals(trial.kernel.removeSocketFile(path), 0);
  });

  contractTest(hands, "Kernel.openPressure() says what is wrong with a path, and leaves nothing open", (trial) => {
    const { kernel } = trial;
    const directory = hands.path();
    hands.makeDirectory(kernel, directory);
    hands.makeFile(kernel, `${directory}/file`);
    const socket = hands.path();
    trial.drop(trial.own(kernel.openListener({ path: socket })));
    for (const writable of [false, true]) {
      assertEquals(kernel.openPressure(`${directory}/nothing`, writable), -Errno.ENOENT);
      assertEquals(kernel.openPressure(`${directory}/file/nothing`, writable), -Errno.ENOTDIR);
      assertEquals(kernel.openPressure(directory, writable), -Errno.EISDIR);
      assertEquals(kernel.openPressure(`${directory}/file`, writable), -Errno.ENOTTY);
      assertEquals(kernel.openPressure(socket, writable), -Errno.ECONNREFUSED);
      assertEquals(kernel.openPressure("a\0b", writable), -Errno.EINVAL);
    }
    assertEquals(kernel.removeSocketFile(socket), 0);
  });

  contractTest(hands, "A pressure file of the system's own takes a configuration and can be watched then", (trial) => {
    const { kernel, poller } = trial;
    for (const resource of resources) {
      const paths = kernel.pressurePaths(resource);
      // Not every system has them.
      if (paths === -Errno.EOPNOTSUPP && kernel.name !== "simulated") return;
      assert(typeof paths === "object");
      const opened = kernel.openPressure(paths.at(-1)!, true);
      if (opened === -Errno.EACCES || opened === -Errno.EROFS) return; // nor may everybody write to them
      assert(typeof opened === "object");
      assertEquals(opened.kind, "system");
      const handle = trial.own(opened.handle);
      trial.write(handle, "some 2000000 2000000\0");
      assertEquals(kernel.tryWrite(handle, new TextEncoder().encode("some 1 2000000\0")), -Errno.EBUSY);
      assertEquals(poller.watch(handle, PRI, false, 1), 0);
      assertEquals(poller.watch(handle, PRI, false, 1), -Errno.EEXIST);
      assertEquals(trial.reports(), []);
      assertEquals(poller.rewatch(handle, PRI, true, 2), 0);
      assertEquals(trial.reports(), []);
      assertEquals(poller.unwatch(handle), 0);
      assertEquals(poller.unwatch(handle), -Errno.ENOENT);
    }
  });

  contractTest(
    hands,
    "A pressure file of the system's own refuses what is no configuration, and is an error without one",
    async (trial) => {
      const paths = trial.kernel.pressurePaths("cpu");
      if (paths === -Errno.EOPNOTSUPP && trial.kernel.name !== "simulated") return;
      assert(typeof paths === "object");
      const opened = trial.kernel.openPressure(paths.at(-1)!, true);
      if (opened === -Errno.EACCES || opened === -Errno.EROFS) return;
      assert(typeof opened === "object");
      const handle = trial.own(opened.handle);
      for (const text of ["most 1 2000000\0", "some 0 2000000\0", "some 3000000 2000000\0", "some 1 20000000\0", "some\0"]) {
        assertEquals(trial.kernel.tryWrite(handle, new TextEncoder().encode(text)), -Errno.EINVAL, text);
      }
      assertEquals(trial.poller.watch(handle, PRI, false, 1), 0);
      for (let round = 0; round < 2; round++) {
        await trial.waitUntil((reports) => reports.some(([token, events]) => token === 1 && (events & PRI) !== 0));
      }
    },
  );

  contractTest(hands, "Kernel.pressurePaths() has the whole system's file last", (trial) => {
    for (const resource of resources) {
      const paths = trial.kernel.pressurePaths(resource);
      if (paths === -Errno.EOPNOTSUPP && trial.kernel.name !== "simulated") return;
      assert(typeof paths === "object");
      assertGreaterOrEqual(paths.length, 1);
      assertEquals(paths.at(-1), `/proc/pressure/${resource}`);
    }
  });
}
