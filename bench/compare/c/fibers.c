/* Fibers with a stack each, over a defer and an exit source each: made and switched the way a careful C library does it. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "side.h"

/* Reserved, not used: pages come with the first touch. */
#define STACK_BYTES ((size_t) 8 << 20)
#define GUARD_BYTES 4096

typedef struct Fiber {
        sigjmp_buf self, loop;
        char *stack;
        sd_event_source *defer, *exit;
        void (*body)(struct Fiber *);
        int ended;
        struct Fiber *joiner;
} Fiber;

static Fiber *current;
static sd_event *event;
static long count, limit;

static void fiber_wake(Fiber *fiber) {
        CHECK(sd_event_source_set_enabled(fiber->defer, SD_EVENT_ONESHOT));
}

static void fiber_suspend(Fiber *fiber) {
        if (sigsetjmp(fiber->self, 0) == 0)
                siglongjmp(fiber->loop, 1);
}

static void fiber_main(void) {
        Fiber *fiber = current;
        fiber_suspend(fiber);
        fiber->body(fiber);
        fiber->ended = 1;
        siglongjmp(fiber->loop, 1);
}

static int on_run(sd_event_source *source, void *userdata) {
        Fiber *fiber = userdata, *outer = current;
        current = fiber;
        if (sigsetjmp(fiber->loop, 0) == 0)
                siglongjmp(fiber->self, 1);
        current = outer;
        if (fiber->ended) {
                fiber->defer = sd_event_source_disable_unref(fiber->defer);
                fiber->exit = sd_event_source_disable_unref(fiber->exit);
                if (fiber->joiner)
                        fiber_wake(fiber->joiner);
        }
        return 0;
}

static Fiber *fiber_new(void (*body)(Fiber *)) {
        Fiber *fiber = calloc(1, sizeof *fiber), *outer = current;
        ucontext_t context, back;
        fiber->body = body;
        fiber->stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
        if (fiber->stack == MAP_FAILED)
                abort();
        CHECK_ERRNO(mprotect(fiber->stack, GUARD_BYTES, PROT_NONE));
        CHECK_ERRNO(getcontext(&context));
        context.uc_stack.ss_sp = fiber->stack + GUARD_BYTES;
        context.uc_stack.ss_size = STACK_BYTES - GUARD_BYTES;
        context.uc_link = NULL;
        makecontext(&context, fiber_main, 0);
        /* Once through swapcontext, which enters the stack; after that the cheaper jumps do. */
        current = fiber;
        if (sigsetjmp(fiber->loop, 0) == 0)
                swapcontext(&back, &context);
        current = outer;
        CHECK(sd_event_add_defer(event, &fiber->defer, on_run, fiber));
        CHECK(sd_event_add_exit(event, &fiber->exit, on_run, fiber));
        CHECK(sd_event_source_set_enabled(fiber->exit, SD_EVENT_OFF));
        return fiber;
}

static void fiber_free(Fiber *fiber) {
        CHECK_ERRNO(munmap(fiber->stack, STACK_BYTES));
        free(fiber);
}

static void run_loop(long n) {
        count = 0;
        limit = n;
        watch_start();
        CHECK(sd_event_loop(event));
        watch_stop();
}

static void yielder(Fiber *self) {
        for (; count < limit; count++) {
                fiber_wake(self);
                fiber_suspend(self);
        }
        CHECK(sd_event_exit(event, 0));
}

long yield(long n) {
        CHECK(sd_event_new(&event));
        Fiber *fiber = fiber_new(yielder);
        run_loop(n);
        fiber_free(fiber);
        sd_event_unref(event);
        return count;
}

static long joined;

static void returner(Fiber *self) {
        joined += count;
}

static void spawner(Fiber *self) {
        for (; count < limit; count++) {
                Fiber *child = fiber_new(returner);
                child->joiner = self;
                fiber_suspend(self);
                fiber_free(child);
        }
        CHECK(sd_event_exit(event, 0));
}

long spawn_join(long n) {
        CHECK(sd_event_new(&event));
        joined = 0;
        Fiber *fiber = fiber_new(spawner);
        run_loop(n);
        fiber_free(fiber);
        sd_event_unref(event);
        return joined;
}

/* A place for one item between two fibers: the least that a channel can do. */
static struct {
        int full;
        long item;
        Fiber *waiting_sender, *waiting_receiver;
} place;

static void wake_waiting(Fiber **waiting) {
        Fiber *fiber = *waiting;
        *waiting = NULL;
        if (fiber)
                fiber_wake(fiber);
}

static void sender(Fiber *self) {
        for (long i = 0; i < limit; i++) {
                while (place.full) {
                        place.waiting_sender = self;
                        fiber_suspend(self);
                }
                place.item = i;
                place.full = 1;
                wake_waiting(&place.waiting_receiver);
        }
}

static void receiver(Fiber *self) {
        for (long i = 0; i < limit; i++) {
                while (!place.full) {
                        place.waiting_receiver = self;
                        fiber_suspend(self);
                }
                place.full = 0;
                count += place.item;
                wake_waiting(&place.waiting_sender);
        }
        CHECK(sd_event_exit(event, 0));
}

long channel(long n) {
        CHECK(sd_event_new(&event));
        Fiber *from = fiber_new(sender), *to = fiber_new(receiver);
        run_loop(n);
        fiber_free(from);
        fiber_free(to);
        sd_event_unref(event);
        return count;
}
