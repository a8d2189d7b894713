/* What the files of this side share: a stopwatch, and checks that end the process. */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

/* For calls that answer with a negative errno. */
#define CHECK(call)                                                             \
        do {                                                                    \
                int _result = (call);                                           \
                if (_result < 0) {                                              \
                        fprintf(stderr, "%s: %s\n", #call, strerror(-_result)); \
                        exit(1);                                                \
                }                                                               \
        } while (0)

/* For calls that set errno. */
#define CHECK_ERRNO(call)             \
        do {                          \
                if ((call) < 0) {     \
                        perror(#call); \
                        exit(1);      \
                }                     \
        } while (0)

/* Between the two a work is timed; without them, all of it is. */
void watch_start(void);
void watch_stop(void);

/* Does n operations; how many of them it has seen done, or their sum. */
typedef long (*Work)(long n);

long defer(long n);
long defer_beside_io(long n);
long pipe_ping(long n);
long child(long n);
long timer_add(long n);
long timer_cancel(long n);
long timer_fire(long n);
long yield(long n);
long spawn_join(long n);
long channel(long n);
