/* An echo server on sd-event: an io source a connection. Prints its port. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "side.h"

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        char bytes[4096];
        ssize_t size = read(fd, bytes, sizeof bytes);
        if (size < 0 && errno == EAGAIN)
                return 0;
        if (size <= 0) {
                close(fd);
                sd_event_source_disable_unref(source);
                return 0;
        }
        /* So little always has room: the client waits for its answer before it asks again. */
        if (write(fd, bytes, size) != size)
                abort();
        return 0;
}

static int on_connection(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        sd_event_source *connection;
        int accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        CHECK_ERRNO(accepted);
        return sd_event_add_io(sd_event_source_get_event(source), &connection, accepted, EPOLLIN, on_readable, NULL);
}

int main(void) {
        sd_event *event;
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t length = sizeof address;
        int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        CHECK_ERRNO(listener);
        CHECK_ERRNO(bind(listener, (struct sockaddr *) &address, sizeof address));
        CHECK_ERRNO(listen(listener, 512));
        CHECK_ERRNO(getsockname(listener, (struct sockaddr *) &address, &length));
        CHECK(sd_event_new(&event));
        CHECK(sd_event_add_io(event, NULL, listener, EPOLLIN, on_connection, NULL));
        printf("%d\n", ntohs(address.sin_port));
        fflush(stdout);
        CHECK(sd_event_loop(event));
        return 0;
}
