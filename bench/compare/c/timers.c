/* Timers: adding and cancelling with so many there are, and firing all that are due. */
#include "side.h"

static long count, limit;

static int on_time(sd_event_source *source, uint64_t usec, void *userdata) {
        return ++count < limit ? 0 : sd_event_exit(sd_event_source_get_event(source), 0);
}

/* The same sequence on each side: xorshift32. */
static uint32_t random_state;
static uint32_t next_random(void) {
        random_state ^= random_state << 13;
        random_state ^= random_state >> 17;
        random_state ^= random_state << 5;
        return random_state;
}

static uint64_t now_usec(sd_event *event) {
        uint64_t usec;
        CHECK(sd_event_now(event, CLOCK_MONOTONIC, &usec));
        return usec;
}

static void add_all(sd_event *event, sd_event_source **sources, long n, uint64_t from, uint32_t span) {
        random_state = 0x2545f491;
        for (long i = 0; i < n; i++)
                CHECK(sd_event_add_time(event, &sources[i], CLOCK_MONOTONIC, from + next_random() % span, 1, on_time, NULL));
}

static void cancel_all(sd_event_source **sources, long n) {
        for (long i = 0; i < n; i++)
                sources[i] = sd_event_source_disable_unref(sources[i]);
}

static long add_and_cancel(long n, int times_add) {
        sd_event *event;
        sd_event_source **sources = calloc(n, sizeof *sources);
        CHECK(sd_event_new(&event));
        uint64_t hour = now_usec(event) + 3600000000ull;
        if (times_add)
                watch_start();
        add_all(event, sources, n, hour, 1000000000);
        if (times_add)
                watch_stop();
        else
                watch_start();
        cancel_all(sources, n);
        if (!times_add)
                watch_stop();
        long left = 0;
        for (long i = 0; i < n; i++)
                left += sources[i] != NULL;
        sd_event_unref(event);
        free(sources);
        return n - left;
}

long timer_add(long n) {
        return add_and_cancel(n, 1);
}

long timer_cancel(long n) {
        return add_and_cancel(n, 0);
}

long timer_fire(long n) {
        sd_event *event;
        sd_event_source **sources = calloc(n, sizeof *sources);
        CHECK(sd_event_new(&event));
        add_all(event, sources, n, now_usec(event) - 1000, 1000);
        count = 0;
        limit = n;
        watch_start();
        CHECK(sd_event_loop(event));
        watch_stop();
        cancel_all(sources, n);
        sd_event_unref(event);
        free(sources);
        return count;
}
