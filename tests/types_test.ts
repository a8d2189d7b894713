// deno-lint-ignore-file require-yield sd-fibers/bare-yield
/**
 * What the types infer, and which wrong programs they hold back. There is nothing to run: that it compiles is the test.
 *
 * A `yield` without its star they see, because what is yielded is no suspension. What they cannot see: an operation that is made and never run, as
 * in `sleep(5);`, and one that is run by hand.
 *
 * @module
 */

import {
  all,
  allSettled,
  any,
  type AnySource,
  Barrier,
  cancelWait,
  Channel,
  type ChildFuture,
  type childFuture,
  type ChildInfo,
  deferFuture,
  type EventLoop,
  type Fiber,
  Future,
  FutureGroup,
  type IoSource,
  isInterruption,
  main,
  Mutex,
  type Operation,
  type Outcome,
  type Permits,
  promiseFuture,
  race,
  relativeTimeFuture,
  type Returned,
  run,
  type Scope,
  scope,
  select,
  Semaphore,
  settled,
  shield,
  sleep,
  spawn,
  suspend,
  TimeoutError,
  timeoutScope,
  until,
  withTimeout,
  yieldNow,
} from "@sd/fibers";

/** Whether two types are the same one. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;

/** Compiles only for types that are the same: `same<A, B>(true)`. */
function same<A, B>(_are: Same<A, B>): void {}

declare const loop: EventLoop;
declare const number: Future<number>;
declare const text: Operation<string>;

/** What is right. Never called. */
export function right(): void {
  // A fiber's type is that of what its body returns.
  const inferred = spawn(function* () {
    const value = yield* number;
    same<typeof value, number>(true);
    yield* sleep(5);
    yield* yieldNow();
    const given = yield* suspend();
    same<typeof given, unknown>(true);
    return `${value}`;
  });
  same<typeof inferred, Fiber<string>>(true);
  same<ReturnType<typeof inferred.result>, string>(true);
  same<typeof inferred.outcome, Outcome<string> | undefined>(true);
  same<ReturnType<typeof run<number>>, Promise<number>>(true);

  const nothing = spawn(function* () {});
  same<typeof nothing, Fiber<void>>(true);
  const never = spawn(function* (): Operation<never> {
    yield* sleep(1);
    throw new Error();
  });
  same<typeof never, Fiber<never>>(true);
  const made = spawn(() => text);
  same<typeof made, Fiber<string>>(true);

  // The type of a source tells which it is.
  const told = (source: AnySource) => {
    if (source.type === "io") same<typeof source, IoSource>(true);
  };

  // What is to be given back is taken by using.
  const guarded = spawn(function* () {
    using _guard = yield* new Mutex().lock();
    return 1;
  });
  same<typeof guarded, Fiber<number>>(true);

  // A fiber, or any future, is a promise to the host.
  const handler: Deno.ServeHandler = (request) => spawn(() => serve(request), { signal: request.signal });
  same<Awaited<typeof inferred>, string>(true);
  same<Awaited<ReturnType<typeof inferred.then<number>>>, number>(true);
  const promise: Promise<string> = inferred;

  // Events.
  same<ReturnType<typeof childFuture>, ChildFuture>(true);
  same<ReturnType<ChildFuture["info"]>, ChildInfo>(true);
  const plain = relativeTimeFuture(loop, 5);
  same<typeof plain, Future<void>>(true);
  const valued = relativeTimeFuture(loop, 5, { outcome: { status: "fulfilled", value: 3 } });
  same<typeof valued, Future<number>>(true);
  const deferred = deferFuture(loop, { status: "fulfilled", value: "a" });
  same<typeof deferred, Future<string>>(true);
  const bridged = promiseFuture(loop, (signal) => fetch("data:,", { signal }));
  same<typeof bridged, Future<Response>>(true);
  const { resolve, future } = Future.withResolvers<number>(loop);
  resolve(4);
  same<typeof future, Future<number>>(true);

  void [nothing, never, made, told, guarded, handler, promise];
}

declare function serve(request: Request): Operation<Response>;

/** What runs on a fiber, rightly. Never called. */
export function* rightOnFiber(): Operation<void> {
  // Heterogeneous bodies give a tuple.
  const tuple = yield* all([
    function* () {
      yield* sleep(1);
      return 1;
    },
    () => text,
    number,
    sleep(1),
  ]);
  same<typeof tuple, [number, string, number, void]>(true);
  const list = yield* all([1, 2, 3].map((n) => () => double(n)));
  same<typeof list, number[]>(true);
  const first = yield* race([() => text, number]);
  same<typeof first, string | number>(true);
  const outcomes = yield* allSettled([() => text, number]);
  same<typeof outcomes, [Outcome<string>, Outcome<number>]>(true);
  const best = yield* any([() => text, number]);
  same<typeof best, string | number>(true);

  const response = yield* until((signal) => fetch("data:,", { signal }));
  same<typeof response, Response>(true);
  const awaited = yield* until(Promise.resolve(5));
  same<typeof awaited, number>(true);
  const outcome = yield* settled(number);
  same<typeof outcome, Outcome<number>>(true);
  if (outcome.status === "fulfilled") same<typeof outcome.value, number>(true);

  const inTime = yield* withTimeout(5, number);
  same<typeof inTime, number>(true);
  const either = yield* withTimeout(5, () => text, function* () {
    return null;
  });
  same<typeof either, string | null>(true);
  const shielded = yield* shield(text, { grace: 5 });
  same<typeof shielded, string>(true);

  const scoped = yield* scope(function* (children) {
    same<typeof children, Scope>(true);
    const child = children.spawn(() => double(4));
    same<typeof child, Fiber<number>>(true);
    same<ReturnType<typeof children.add<Future<number>>>, Future<number>>(true);
    children.defer(sleep(1));
    return yield* child;
  });
  same<typeof scoped, number>(true);

  using deadline = timeoutScope(5);
  same<typeof deadline.expired, boolean>(true);
  yield* cancelWait(number, spawn(() => text));

  const group = FutureGroup.any<number>(loop);
  group.add(number);
  const winner = yield* group;
  same<typeof winner, number>(true);
  spawn(() => double(1), { group });

  try {
    yield* sleep(1);
  } catch (error) {
    if (isInterruption(error)) same<typeof error.code, `E${string}`>(true);
    if (error instanceof TimeoutError) same<typeof error.name, string>(true);
  }
  same<Returned<typeof text>, string>(true);
  same<Returned<() => Operation<number>>, number>(true);
}

function* double(n: number): Operation<number> {
  yield* sleep(1);
  return 2 * n;
}

/** What is wrong, and held back. Never called. */
export function wrong(): void {
  const fiber = spawn(() => double(1));
  // @ts-expect-error A fiber ends by its body: nobody else resolves it
  fiber.resolve(3);
  // @ts-expect-error Nor does whoever holds a future
  number.reject(new Error());
  // @ts-expect-error State is told, not set
  number.state = "resolved";
  // @ts-expect-error Futures are made by what resolves them
  new Future<number>(loop);
  // @ts-expect-error A priority is set by setPriority()
  fiber.priority = 3;

  // @ts-expect-error The body is a function
  spawn(double(1));
  // @ts-expect-error An async function is no body
  spawn(async () => await number);
  // @ts-expect-error Nor is a plain function
  spawn(() => 3);
  // @ts-expect-error Nor is a generator that yields what is no suspension
  spawn(function* () {
    yield 3;
  });
  // @ts-expect-error Nor is one that yields an operation without the star
  spawn(function* () {
    yield sleep(5);
  });
  // @ts-expect-error Nor is one that yields a promise
  run(function* () {
    yield Promise.resolve();
  });
  // @ts-expect-error Nor is an async generator
  main(async function* () {
    await number;
  });
  // @ts-expect-error There is no such option
  spawn(() => text, { prio: 3 });
  // @ts-expect-error What a group of numbers takes are fibers of numbers
  spawn(() => text, { group: FutureGroup.any<number>(loop) });
  // @ts-expect-error There is no such way to take signals
  main(() => text, { signals: "ignore" });
  // @ts-expect-error A value is of the future's type
  Future.withResolvers<number>(loop).resolve("text");
  // @ts-expect-error A future is no disposable: `using` could not wait
  using _now = number;
}

/** What is wrong on a fiber, and held back. Never called. */
export function* wrongOnFiber(): Operation<void> {
  // @ts-expect-error A yield without the star
  yield sleep(5);
  // @ts-expect-error A bare yield
  yield;
  // @ts-expect-error A promise is waited for by until()
  yield* Promise.resolve(3);
  // @ts-expect-error Nor is it a future
  yield* settled(Promise.resolve(3));
  // @ts-expect-error A function that makes an operation is no operation
  yield* double;
  // @ts-expect-error An async function is no body
  yield* all([async () => await number]);
  // @ts-expect-error A time is a number
  yield* sleep("5 ms");
  // @ts-expect-error A scope ends by itself
  yield* scope((children) => children.end());
  // @ts-expect-error Spread, an operation gives nothing that anybody but the loop could use
  const spread: number[] = [...double(1)];
  // @ts-expect-error Nor does it in a loop
  for (const each of number) each.toFixed();
  void spread;
}

/** What a select gives, by its key. Never called. */
export function* selects(): Operation<void> {
  const channel = new Channel<string>({ capacity: 1 });
  const got = yield* select({
    channel,
    sent: channel.push("item"),
    next: channel.next(),
    lock: new Mutex().lock(),
    permits: new Semaphore(2).acquire(),
    number,
    readable: { fd: 0, events: 1 },
    default: 0,
  });
  switch (got.key) {
    case "channel":
      return same<typeof got.value, string>(true);
    case "sent":
      return same<typeof got.value, void>(true);
    case "next":
      return same<typeof got.value, string | undefined>(true);
    case "lock":
      return same<typeof got.value, Disposable>(true);
    case "permits":
      return same<typeof got.value, Permits>(true);
    case "number":
      return same<typeof got.value, number>(true);
    case "readable":
      return same<typeof got.value, number>(true);
    case "default":
      return same<typeof got.value, void>(true);
  }
}

/** What cannot be selected. Never called. */
export function selectsWrongly(): void {
  // @ts-expect-error: it does not wait in one queue
  select({ it: sleep(1) });
  // @ts-expect-error: others count on whoever waits there
  select({ it: new Barrier(2).wait() });
  // @ts-expect-error: a promise cannot be taken back
  select({ it: Promise.resolve() });
  // @ts-expect-error: it is no case
  select({ it: "text" });
}
