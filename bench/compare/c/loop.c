/* What the loop itself costs, and its sources for descriptors and processes. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "side.h"

static long count, limit;

static int on_tick(sd_event_source *source, void *userdata) {
        return ++count < limit ? 0 : sd_event_exit(sd_event_source_get_event(source), 0);
}

static int on_idle(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        abort();
}

static long run_defer(long n, int idle_fd) {
        sd_event *event;
        sd_event_source *source;
        CHECK(sd_event_new(&event));
        if (idle_fd >= 0)
                CHECK(sd_event_add_io(event, NULL, idle_fd, EPOLLIN, on_idle, NULL));
        CHECK(sd_event_add_defer(event, &source, on_tick, NULL));
        CHECK(sd_event_source_set_enabled(source, SD_EVENT_ON));
        count = 0;
        limit = n;
        watch_start();
        CHECK(sd_event_loop(event));
        watch_stop();
        sd_event_source_unref(source);
        sd_event_unref(event);
        return count;
}

long defer(long n) {
        return run_defer(n, -1);
}

long defer_beside_io(long n) {
        int fds[2];
        CHECK_ERRNO(pipe2(fds, O_NONBLOCK | O_CLOEXEC));
        long done = run_defer(n, fds[0]);
        close(fds[0]);
        close(fds[1]);
        return done;
}

static int on_byte(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        int *fds = userdata;
        char bytes[8];
        CHECK_ERRNO(read(fd, bytes, sizeof bytes));
        if (++count >= limit)
                return sd_event_exit(sd_event_source_get_event(source), 0);
        CHECK_ERRNO(write(fds[1], "x", 1));
        return 0;
}

long pipe_ping(long n) {
        sd_event *event;
        int fds[2];
        CHECK(sd_event_new(&event));
        CHECK_ERRNO(pipe2(fds, O_NONBLOCK | O_CLOEXEC));
        CHECK(sd_event_add_io(event, NULL, fds[0], EPOLLIN, on_byte, fds));
        count = 0;
        limit = n;
        watch_start();
        CHECK_ERRNO(write(fds[1], "x", 1));
        CHECK(sd_event_loop(event));
        watch_stop();
        sd_event_unref(event);
        close(fds[0]);
        close(fds[1]);
        return count;
}

static posix_spawnattr_t attributes;

static int spawn_next(sd_event *event);

static int on_child(sd_event_source *source, const siginfo_t *info, void *userdata) {
        sd_event *event = sd_event_source_get_event(source);
        if (info->si_code != CLD_EXITED || info->si_status != 0)
                abort();
        sd_event_source_unref(source);
        return ++count < limit ? spawn_next(event) : sd_event_exit(event, 0);
}

static int spawn_next(sd_event *event) {
        char *argv[] = { "/bin/true", NULL };
        sd_event_source *source;
        pid_t pid;
        int result = posix_spawn(&pid, argv[0], NULL, &attributes, argv, environ);
        return result != 0 ? -result : sd_event_add_child(event, &source, pid, WEXITED, on_child, NULL);
}

/* The other side's: no signal is blocked in the child, which would have our SIGCHLD so, and none is ignored. */
static void make_attributes(void) {
        sigset_t none, all;
        sigemptyset(&none);
        sigfillset(&all);
        CHECK(-posix_spawnattr_init(&attributes));
        CHECK(-posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK));
        CHECK(-posix_spawnattr_setsigdefault(&attributes, &all));
        CHECK(-posix_spawnattr_setsigmask(&attributes, &none));
}

long child(long n) {
        sd_event *event;
        sigset_t mask;
        make_attributes();
        sigemptyset(&mask);
        sigaddset(&mask, SIGCHLD);
        CHECK_ERRNO(sigprocmask(SIG_BLOCK, &mask, NULL));
        CHECK(sd_event_new(&event));
        count = 0;
        limit = n;
        watch_start();
        CHECK(spawn_next(event));
        CHECK(sd_event_loop(event));
        watch_stop();
        sd_event_unref(event);
        posix_spawnattr_destroy(&attributes);
        return count;
}
