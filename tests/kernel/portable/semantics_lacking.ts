/**
 * What of the semantic tests the portable kernel cannot be put through, and why.
 *
 * @module
 */

/** Whole files, by their path in `tests/`: what it lacks. */
export const lackingFiles: Readonly<Record<string, string>> = {
  "event/child_source_test.ts": "processes by hand",
  "event/child_table_test.ts": "processes by hand",
  "event/driver_nap_test.ts": "polls that wait for the host",
  "event/event_loop_endurance_test.ts": "virtual processes and signals",
  "event/inotify_group_test.ts": "inotify",
  "event/inotify_source_test.ts": "inotify",
  "event/pressure_source_test.ts": "pressure",
  "event/signal_groups_test.ts": "signals by hand",
  "event/signal_source_test.ts": "signals by hand",
  "event/time_change_source_test.ts": "changes of time",
  "event/watchdog_test.ts": "an environment by hand",
  "future/child_future_test.ts": "processes by hand",
};

/** Tests of one kind of source among others, by what stands in their names. */
export const lackingKinds: readonly (readonly [RegExp, string])[] = [
  [/\b(realtime|boottime)-alarm\b/, "alarm clocks"],
  [/\bof type signal\b|\bA signal source\b/i, "signals by hand"],
  [/\bof type inotify\b/, "inotify"],
  [/\bof type time-change\b/, "changes of time"],
  [/\bof type child\b|\bA child (that may stop )?source\b/i, "processes by hand"],
];

/** Tests, by the beginnings of their names: what they ask for that it lacks. */
export const lackingTests: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  "event/driver_test.ts": {
    "signals by hand": ["A parked loop is woken by a signal"],
  },
  "event/driver_hosted_test.ts": {
    "faults by hand": [
      "A loop in the host is told the same",
      "In the host too one seed",
    ],
  },
  "event/event_loop_dispose_test.ts": {
    "alarm clocks": [
      "A disposed loop has given everything back and is stale",
    ],
  },
  "event/event_loop_exit_test.ts": {
    "alarm clocks": [
      "EventLoop.exit() lets the running callback end, and then runs no regular source",
    ],
    "signals by hand": [
      "EventLoop.exitOnSignal ends the loop with code 0 on SIGINT",
      "EventLoop.exitOnSignal ends the loop with code 0 on SIGTERM",
      "EventLoop.exitOnSignal claims both signals, and gives them back",
    ],
  },
  "event/event_loop_iteration_test.ts": {
    "signals by hand": [
      "EventLoop.wait() makes all pending that is ready, whatever its priority",
      "EventLoop.waitSync() makes all pending that is ready, whatever its priority",
    ],
    "processes by hand": [
      "A wait does not wait when there is news that no poll would report",
    ],
    "faults by hand": [
      "A wait that a signal handler interrupts answers true, and dispatch may run nothing",
    ],
  },
  "event/event_loop_now_test.ts": {
    "alarm clocks": [
      "EventLoop.now() is monotonic time by default",
      "EventLoop.addTimeRelative() counts from the loop's present, on alarm clocks too",
    ],
  },
  "event/io_source_test.ts": {
    "handles that cannot be watched": ["A descriptor that the kernel refuses"],
    "processes by hand": [
      "EventLoop.addIo() checks the descriptor, the events, the callback, the loop, and then asks the kernel",
      "The errors of a descriptor name it and say what to do",
    ],
    "socket pairs and loose sockets": [
      "What was ready once is forgotten when it is ready anew",
      "New events are what the kernel is asked for",
    ],
  },
  "event/loop_core_arming_test.ts": {
    "alarm clocks": [
      "Clocks are armed in one order, whatever order their timers came in",
      "What is due on any clock becomes pending",
      "Every timer fires inside of its window, once",
    ],
  },
  "event/loop_core_dispatch_test.ts": {
    "alarm clocks": [
      "A callback is not run for what was pending when another callback turned it off",
    ],
  },
  "event/pending_queue_test.ts": {
    "socket pairs and loose sockets": [
      "A source that stays pending keeps its place, whatever else it becomes ready for",
    ],
  },
  "event/rate_limit_test.ts": {
    "alarm clocks": [
      "Child, time change, post and exit sources take no limit",
    ],
  },
  "event/source_handle_test.ts": {
    "processes by hand": [
      "What only some sources have is stale after disposal, or still tells what it was",
      "An option that there is not is refused",
    ],
    "alarm clocks": [
      "A rate limit of a source that was disposed of does nothing any more",
      "Sources are told apart by their type",
    ],
  },
  "event/source_lifecycle_enabled_test.ts": {
    "alarm clocks": [
      "Sources begin as their type says",
      "Sources begin as their options say",
      "Source.enabled takes three words and no others, before it looks at anything else",
      "Source.enabled of a loop that has finished stays as it is: off does nothing, the rest is stale",
    ],
  },
  "event/source_lifecycle_test.ts": {
    "names for its handles": ["A source of type io that is disposed of while idle"],
    "processes by hand": [
      "An add that fails leaves nothing behind and does not call onDestroy",
    ],
  },
  "event/time_source_test.ts": {
    "long waits, for it looks at its clocks now and then": [
      "A timer on realtime whose time has passed",
      "A timer on boottime whose time has passed",
      "A timer on monotonic whose time has passed",
    ],
  },
  "fiber/fiber_core_canceller_test.ts": {
    "signals by hand": [
      "A main fiber is told which signal came",
    ],
  },
  "fiber/fiber_core_history_test.ts": {
    "signals by hand": [
      "Once cancelWait() let go of a child that was still suspended, after its first interruption: through main",
    ],
  },
  "fiber/fiber_core_scale_test.ts": {
    "a bound of memory of its own": [
      "A hundred thousand parked fibers take",
    ],
  },
  "fiber/main_test.ts": {
    "signals by hand": [
      'main() with signals "cancel"',
      'main() with signals "exit"',
      'main() with signals "none"',
      "main() answers a signal",
      "main() of a body that is told to exit on signals",
    ],
  },
  "future/event_future_test.ts": {
    "processes by hand": [
      "Event futures and promise futures are refused with ECANCELED once exit was asked for, before, in and after the exit phase",
    ],
  },
  "future/io_future_test.ts": {
    "socket pairs and loose sockets": [
      "ioFuture() resolves once",
      "ioFuture() resolves with the mask",
      "ioFuture() rejects with the error that a socket holds, and takes it",
    ],
    "faults by hand": [
      "ioFuture() that the kernel refuses to watch leaves nothing behind",
    ],
  },
  "event/event_loop_states_test.ts": {
    "parks shorter than a millisecond": ["EventLoop.wait() leads to pending"],
  },
  "fiber/user_stack_test.ts": {
    "processes by hand": ["The stack of an interruption in output()"],
  },
};
