/* The side in C: runs one work on libsystemd's sd-event and prints what each repetition took, in nanoseconds an operation, and did. */
#include <time.h>

#include "side.h"

static const struct {
        const char *name;
        Work work;
} works[] = {
        { "defer", defer },
        { "defer_beside_io", defer_beside_io },
        { "pipe_ping", pipe_ping },
        { "child", child },
        { "timer_add", timer_add },
        { "timer_cancel", timer_cancel },
        { "timer_fire", timer_fire },
        { "yield", yield },
        { "spawn_join", spawn_join },
        /* A fresh function is JavaScript's affair: here there is no difference. */
        { "spawn_join_fresh", spawn_join },
        { "channel_1", channel },
};

/* What is done in no time is done so often that the clocks can see it. */
#define LEAST_NS 5e6

typedef struct Times {
        double wall_ns, cpu_ns;
} Times;

static Times times;
static int stopped;

static double read_ns(clockid_t clock) {
        struct timespec now;
        clock_gettime(clock, &now);
        return now.tv_sec * 1e9 + now.tv_nsec;
}

void watch_start(void) {
        times.cpu_ns = -read_ns(CLOCK_PROCESS_CPUTIME_ID);
        times.wall_ns = -read_ns(CLOCK_MONOTONIC);
}

void watch_stop(void) {
        times.wall_ns += read_ns(CLOCK_MONOTONIC);
        times.cpu_ns += read_ns(CLOCK_PROCESS_CPUTIME_ID);
        stopped = 1;
}

static Times time_once(Work work, long n, long *done) {
        Times sum = {};
        long repeated = 0;
        for (; sum.wall_ns < LEAST_NS; repeated++) {
                stopped = 0;
                watch_start();
                *done = work(n);
                if (!stopped)
                        watch_stop();
                sum.wall_ns += times.wall_ns;
                sum.cpu_ns += times.cpu_ns;
        }
        return (Times) { sum.wall_ns / repeated / n, sum.cpu_ns / repeated / n };
}

static Work find(const char *name) {
        for (size_t i = 0; i < sizeof works / sizeof *works; i++)
                if (strcmp(works[i].name, name) == 0)
                        return works[i].work;
        return NULL;
}

int main(int argc, char **argv) {
        if (argc == 2 && strcmp(argv[1], "--list") == 0) {
                for (size_t i = 0; i < sizeof works / sizeof *works; i++)
                        puts(works[i].name);
                return 0;
        }
        Work work = argc == 6 ? find(argv[1]) : NULL;
        if (!work) {
                fprintf(stderr, "Usage: %s <work> <n> <milliseconds> <repetitions> <most milliseconds>\n", argv[0]);
                return 2;
        }
        long n = atol(argv[2]), done;
        double enough_ns = atof(argv[3]) * 1e6, most_ns = atof(argv[5]) * 1e6, began_ns = read_ns(CLOCK_MONOTONIC), spent_ns = 0;
        int repetitions = atoi(argv[4]);

        printf("[");
        for (int i = 0; i == 0 || ((i < repetitions || spent_ns < enough_ns) && spent_ns < most_ns); i++) {
                Times each = time_once(work, n, &done);
                printf("%s{\"values\":{\"wall\":%.3f,\"cpu\":%.3f},\"done\":%ld}", i ? "," : "", each.wall_ns, each.cpu_ns, done);
                spent_ns = read_ns(CLOCK_MONOTONIC) - began_ns;
        }
        puts("]");
        return 0;
}
