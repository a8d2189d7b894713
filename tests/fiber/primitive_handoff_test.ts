/**
 * What all primitives promise to whoever waits, whatever happens at whichever moment: nothing lost, nothing doubled, nobody forgotten.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { type Fiber, isInterruption, type Operation, SystemError, timeoutScope, yieldNow } from "@sd/fibers";
import { simulated, Simulation } from "../_simulation.ts";
import { type Kind, kinds, type Place } from "./_waits.ts";

const WAITERS = 4;
const VICTIM = 1;
const PATIENCE = 200;

/** One run of the same story, disturbed at one moment. */
class Story {
  readonly world: Simulation = new Simulation();
  readonly place: Place;
  /** "got 0", "ECANCELED 1", in the order in which it happened. */
  readonly log: string[] = [];
  readonly fibers: Fiber<void>[];
  released: number = 0;

  constructor(kind: Kind) {
    this.place = kind.make(this.world.loop);
    this.fibers = Array.from({ length: WAITERS }, (_, index) => this.world.spawn(() => this.#wait(index), { name: `waiter ${index}` }));
    this.world.settle();
    assertEquals(this.place.waiting(), WAITERS);
    this.world.spawn(() => this.#release(), { name: "releaser" });
  }

  *#wait(index: number): Operation<void> {
    const deadline = index === VICTIM ? timeoutScope(5) : undefined;
    try {
      const got = yield* this.place.wait();
      this.log.push(`got ${index}`);
      this.place.done?.(got);
    } catch (error) {
      assert(error instanceof SystemError, `Not a SystemError: ${error}`);
      assert(error.code === "EPIPE" || isInterruption(error), error.message);
      this.log.push(`${error.code} ${index}`);
    } finally {
      deadline?.[Symbol.dispose]();
    }
  }

  *#release(): Operation<void> {
    for (let i = 0; i < WAITERS; i++) {
      yield* yieldNow();
      this.#releaseOne();
    }
  }

  #releaseOne(): void {
    try {
      this.place.release();
      this.released++;
    } catch (error) {
      assert(error instanceof SystemError && error.code === "EPIPE");
    }
  }

  /** Plays it to its end; `false` when that came before the moment of the disturbance. */
  play(at: number, disturb: (story: Story) => void): boolean {
    const { loop } = this.world;
    let disturbed = false;
    for (let tick = 0;; tick++) {
      assert(tick < PATIENCE, "It does not come to an end");
      if (tick === at) {
        disturb(this);
        disturbed = true;
      }
      if (loop.state === "finished" || !loop.runSync(0)) break;
    }
    this.#check();
    return disturbed;
  }

  #check(): void {
    const { log, place, world } = this;
    assertEquals(log.map((entry) => entry.split(" ")[1]).sort(), ["0", "1", "2", "3"], "Each wait ends once");
    assertEquals(place.waiting(), 0, "Nobody is forgotten");
    const got = this.gotInOrder();
    assertEquals(got, got.toSorted(), "First come, first served");
    place.check(got.length, this.released);
    assertEquals(world.end(), { reported: [], left: [] });
  }

  gotInOrder(): string[] {
    return this.log.filter((entry) => entry.startsWith("got ")).map((entry) => entry.slice(4));
  }

  /** The codes with which waits failed, and whose they were. */
  failures(): string[] {
    return this.log.filter((entry) => !entry.startsWith("got ")).sort();
  }
}

/** Plays the story again and again, disturbed one tick later each time, until it ends undisturbed. */
function atEveryTick(kind: Kind, disturb: (story: Story) => void, check: (story: Story) => void): void {
  for (let at = 0;; at++) {
    const story = new Story(kind);
    const disturbed = story.play(at, disturb);
    check(story);
    if (disturbed) continue;
    assert(at > WAITERS, "The story is too short to be disturbed");
    assertEquals(story.failures(), []);
    return;
  }
}

for (const kind of kinds) {
  Deno.test(`${kind.name}: cancelled at any tick, a waiter takes nothing along, or has what it was given`, () => {
    const outcomes = new Set<string>();
    atEveryTick(kind, (story) => void story.fibers[VICTIM].cancel(), (story) => {
      for (const failure of story.failures()) assertEquals(failure, `ECANCELED ${VICTIM}`);
      outcomes.add(story.failures().join());
    });
    assertEquals(outcomes, new Set(["", `ECANCELED ${VICTIM}`]));
  });

  Deno.test(`${kind.name}: timed out at any tick, a waiter takes nothing along, or has what it was given`, () => {
    const outcomes = new Set<string>();
    atEveryTick(kind, (story) => story.world.kernel.advance(10), (story) => {
      for (const failure of story.failures()) assertEquals(failure, `ETIME ${VICTIM}`);
      outcomes.add(story.failures().join());
    });
    assertEquals(outcomes, new Set(["", `ETIME ${VICTIM}`]));
  });

  Deno.test(`${kind.name}: closed at any tick, all who wait get EPIPE, and what was given stands`, () => {
    const failures = new Set<number>();
    atEveryTick(kind, (story) => story.place.close(), (story) => {
      for (const failure of story.failures()) assert(failure.startsWith("EPIPE "), failure);
      failures.add(story.failures().length);
    });
    assert(failures.has(WAITERS) && failures.has(0));
  });

  Deno.test(`${kind.name}: when the loop exits at any tick, all waits end, and what was given stands`, () => {
    const failures = new Set<number>();
    atEveryTick(kind, (story) => story.world.loop.exit(0), (story) => {
      for (const failure of story.failures()) assert(failure.startsWith("ECANCELED "), failure);
      failures.add(story.failures().length);
    });
    assert(failures.has(WAITERS) && failures.has(0));
  });

  Deno.test(`${kind.name}: a future waits in the same queue, and cancelled it leaves at once`, () => {
    const world = new Simulation();
    const place = kind.make(world.loop);
    const order: string[] = [];
    const futures = Array.from({ length: WAITERS }, () => place.waitFuture());
    assertEquals(place.waiting(), WAITERS);
    futures.forEach((future, index) =>
      future.addCallback(() => {
        const { outcome } = future;
        order.push(outcome?.status === "fulfilled" ? `got ${index}` : `${(outcome?.reason as SystemError).code} ${index}`);
        if (outcome?.status === "fulfilled") place.done?.(outcome.value);
      })
    );
    assertEquals(futures[VICTIM].cancel("no more"), true);
    assertEquals(place.waiting(), WAITERS - 1);
    let released = 0;
    for (; place.waiting() > 0; released++) {
      place.release();
      world.settle();
    }
    world.settle();
    assertEquals(order.filter((entry) => entry.startsWith("got")), ["got 0", "got 2", "got 3"]);
    assert(order.includes(`ECANCELED ${VICTIM}`));
    place.check(3, released);
    assertEquals(world.end(), { reported: [], left: [] });
  });

  Deno.test(
    `${kind.name}: a stray resume ends a wait with EBUSY and takes nothing along`,
    simulated((world) => {
      const place = kind.make(world.loop);
      let code: unknown;
      const fiber = world.spawn(function* () {
        try {
          yield* place.wait();
        } catch (error) {
          code = (error as SystemError).code;
        }
      });
      world.settle();
      assertEquals([fiber.status, place.waiting()], ["suspended", 1]);
      fiber.resume();
      world.settle();
      assertEquals([code, place.waiting()], ["EBUSY", 0]);
      place.check(0, 0);
    }),
  );

  Deno.test(
    `${kind.name}: a wait by anything but yield* leaves nothing in the queue`,
    simulated((world) => {
      const place = kind.make(world.loop);
      const codes: string[] = [];
      world.run(function* () {
        try {
          for (const _ of place.wait() as unknown as Iterable<unknown>) void _;
        } catch (error) {
          codes.push((error as SystemError).code);
        }
        // Begun by hand and forgotten: the next suspension says so, and the one after it works.
        place.wait()[Symbol.iterator]().next();
        try {
          yield* yieldNow();
        } catch (error) {
          codes.push((error as SystemError).code);
        }
        yield* yieldNow();
      });
      assertEquals([...codes, place.waiting()], ["EINVAL", "EINVAL", 0]);
      place.check(0, 0);
    }),
  );

  // A condition hands on a lock that the fiber has held all the time.
  if (kind.name !== "Condition") {
    Deno.test(`${kind.name}: what was given to a wait that its fiber does not take up is there for the next one`, () => {
      const world = new Simulation();
      const place = kind.make(world.loop);
      let code = "";
      const careless = world.spawn(function* () {
        // Begun by hand, waited for, and forgotten: the next suspension says so.
        const { value } = place.wait()[Symbol.iterator]().next();
        // deno-lint-ignore sd-fibers/bare-yield
        yield value as never;
        try {
          yield* yieldNow();
        } catch (error) {
          code = (error as SystemError).code;
        }
      });
      world.settle();
      assertEquals([careless.status, place.waiting()], ["suspended", 1]);
      while (place.waiting() > 0) place.release();
      world.settle();
      assertEquals([careless.state, code], ["resolved", "EINVAL"]);
      let got = false;
      world.spawn(function* () {
        place.done?.(yield* place.wait());
        got = true;
      });
      world.settle();
      if (!got) place.release();
      world.settle();
      assertEquals([got, place.waiting()], [true, 0]);
      place.close();
      assertEquals(world.end(), { reported: [], left: [] });
    });
  }

  Deno.test(
    `${kind.name}: waiting on a fiber of another loop is EINVAL`,
    simulated((world) => {
      const other = new Simulation();
      const place = kind.make(other.loop);
      let code: unknown;
      world.run(function* () {
        try {
          yield* place.wait();
        } catch (error) {
          code = (error as SystemError).code;
        }
      });
      assertEquals([code, place.waiting()], ["EINVAL", 0]);
      assertEquals(other.end(), { reported: [], left: [] });
    }),
  );
}
