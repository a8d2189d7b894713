import { assert, assertEquals } from "@std/assert";
import { Operations } from "../../../event/kernel/emulated/operations.ts";

Deno.test("Operations.complete() of one that was abandoned says nothing of the one that has its token now", () => {
  const operations = new Operations();
  const abandoned = operations.start(1);
  operations.abandon(1);
  const other = operations.start(1);
  assert(typeof abandoned === "object" && typeof other === "object");
  assertEquals([operations.complete(1, abandoned, -125), operations.hasUnreported], [false, false]);
  assertEquals([operations.complete(1, other, 0), operations.hasUnreported], [true, true]);
});
