/* Clients of an echo server: each sends, waits for its answer, checks it and sends again. Prints what they have seen as JSON. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MESSAGE_BYTES 64
#define MOST_SAMPLES 4000000

#define CHECK_ERRNO(call)              \
        do {                           \
                if ((call) < 0) {      \
                        perror(#call); \
                        exit(1);       \
                }                      \
        } while (0)

typedef struct Client {
        int fd;
        uint32_t round, answered;
        int received;
        double sent_ns;
        unsigned char sent[MESSAGE_BYTES], answer[MESSAGE_BYTES];
} Client;

static float *samples_us;
static long echoes;
static int outstanding;
static double end_ns;

static double now_ns(void) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * 1e9 + now.tv_nsec;
}

static void ask(Client *client) {
        client->round++;
        outstanding++;
        client->received = 0;
        for (int i = 0; i < MESSAGE_BYTES; i++)
                client->sent[i] = client->round + i;
        client->sent_ns = now_ns();
        if (write(client->fd, client->sent, MESSAGE_BYTES) != MESSAGE_BYTES) {
                perror("write");
                exit(1);
        }
}

static void on_readable(Client *client) {
        ssize_t size = read(client->fd, client->answer + client->received, MESSAGE_BYTES - client->received);
        if (size <= 0) {
                fprintf(stderr, "The server has closed a connection\n");
                exit(1);
        }
        client->received += size;
        if (client->received < MESSAGE_BYTES)
                return;
        if (memcmp(client->sent, client->answer, MESSAGE_BYTES) != 0) {
                fprintf(stderr, "The server has sent something else\n");
                exit(1);
        }
        double ns = now_ns();
        if (echoes < MOST_SAMPLES)
                samples_us[echoes] = (ns - client->sent_ns) / 1e3;
        echoes++;
        client->answered++;
        outstanding--;
        if (ns < end_ns)
                ask(client);
}

static int compare(const void *a, const void *b) {
        float x = *(const float *) a, y = *(const float *) b;
        return (x > y) - (x < y);
}

int main(int argc, char **argv) {
        if (argc != 4) {
                fprintf(stderr, "Usage: %s <port> <connections> <milliseconds>\n", argv[0]);
                return 2;
        }
        int n = atoi(argv[2]), poller = epoll_create1(EPOLL_CLOEXEC);
        double msec = atof(argv[3]);
        Client *clients = calloc(n, sizeof *clients);
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(atoi(argv[1])) };
        samples_us = malloc(sizeof *samples_us * MOST_SAMPLES);
        CHECK_ERRNO(poller);
        for (int i = 0; i < n; i++) {
                struct epoll_event event = { .events = EPOLLIN, .data.ptr = &clients[i] };
                clients[i].fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
                CHECK_ERRNO(clients[i].fd);
                CHECK_ERRNO(connect(clients[i].fd, (struct sockaddr *) &address, sizeof address));
                CHECK_ERRNO(epoll_ctl(poller, EPOLL_CTL_ADD, clients[i].fd, &event));
        }
        double began_ns = now_ns();
        end_ns = began_ns + msec * 1e6;
        for (int i = 0; i < n; i++)
                ask(&clients[i]);
        /* To the last answer: a connection that is closed before would be reset. */
        while (outstanding > 0) {
                struct epoll_event events[256];
                int ready = epoll_wait(poller, events, 256, 10000);
                CHECK_ERRNO(ready);
                if (ready == 0) {
                        fprintf(stderr, "The server does not answer\n");
                        return 1;
                }
                for (int i = 0; i < ready; i++)
                        on_readable(events[i].data.ptr);
        }
        double seconds = (now_ns() - began_ns) / 1e9;
        int served = 0;
        for (int i = 0; i < n; i++)
                served += clients[i].answered > 0;
        long count = echoes < MOST_SAMPLES ? echoes : MOST_SAMPLES;
        if (count == 0) {
                fprintf(stderr, "Nothing was echoed\n");
                return 1;
        }
        qsort(samples_us, count, sizeof *samples_us, compare);
        printf("{\"rate\":%.1f,\"p50\":%.2f,\"p99\":%.2f,\"echoes\":%ld,\"served\":%d}\n", echoes / seconds, samples_us[count / 2],
               samples_us[count * 99 / 100], echoes, served);
        return 0;
}
