/* Registers: phones that register with digest at the real daemon: REGISTER, 401, REGISTER, 200. The daemon has one core
 * and this program, which plays all the phones over one socket, another. Arguments: seconds, phones, in flight. */
#include "bench/daemon.h"
#include "bench/sip_register.h"
#include "engine/base/clock.h"
#include "engine/base/str.h"
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { PORT = 25060, AGAIN_MS = 500, MESSAGE = 2048 };

struct phone {
    char ha1[33];
    uint32_t cseq;
    uint64_t began_ns, sent_ns; /* 0: idle */
    bool proof;                 /* its REGISTER with credentials is out */
    char nonce[80];
};
static struct phone *phones;
static unsigned n_phones = 10000, window = 256;
static int fd;
static uint64_t done, again, busy, other, slowest_ns, total_ns;
static unsigned in_flight;

/* Sends the REGISTER that phone i is at. */
static void ask(unsigned i, uint64_t now)
{
    struct phone *p = &phones[i];
    char text[MESSAGE];
    int n = register_text(text, sizeof text, i, p->cseq, PORT + 1, p->ha1, p->proof ? p->nonce : NULL);
    p->sent_ns = now;
    if (send(fd, text, (size_t)n, 0) < 0 && errno != EAGAIN && errno != ECONNREFUSED)
        daemon_die("send");
}

static void begin(unsigned i, uint64_t now)
{
    struct phone *p = &phones[i];
    p->proof = false;
    p->cseq++;
    p->began_ns = now;
    in_flight++;
    ask(i, now);
}

static void answered(char *text, uint64_t now)
{
    const char *id = strstr(text, "\nCall-ID:"), *nonce;
    unsigned i = id ? (unsigned)strtoul(id + 9, NULL, 10) : n_phones;
    int status = atoi(text + 8);
    const char *cseq = strstr(text, "\nCSeq:");
    if (i >= n_phones || !phones[i].sent_ns || !cseq || strtoul(cseq + 6, NULL, 10) != phones[i].cseq)
        return; /* an answer that was sent twice */
    struct phone *p = &phones[i];
    if (status == 401 && !p->proof && (nonce = strstr(text, "nonce=\""))) {
        jn_copy_n(p->nonce, sizeof p->nonce, nonce + 7, strcspn(nonce + 7, "\""));
        p->proof = true;
        p->cseq++;
        ask(i, now);
        return;
    }
    p->sent_ns = 0;
    in_flight--;
    if (status == 200) {
        uint64_t took = now - p->began_ns;
        done++;
        total_ns += took;
        slowest_ns = took > slowest_ns ? took : slowest_ns;
    } else if (status == 503) {
        busy++;
    } else {
        other++;
    }
}

static void receive(uint64_t now)
{
    char text[MESSAGE];
    for (ssize_t n; (n = recv(fd, text, sizeof text - 1, MSG_DONTWAIT)) > 0;) {
        text[n] = 0;
        answered(text, now);
    }
}

/* Registers phones one after the other, again and again, so many at a time, for that long. */
static double load_for(uint64_t ns)
{
    uint64_t start = jn_mono_ns(), now = start, swept = start;
    unsigned next = 0;
    done = again = busy = other = slowest_ns = total_ns = 0;
    while (now - start < ns) {
        struct pollfd f = {.fd = fd, .events = POLLIN};
        for (unsigned tried = 0; in_flight < window && tried < n_phones; tried++, next = (next + 1) % n_phones)
            if (!phones[next].sent_ns)
                begin(next, now);
        poll(&f, 1, 20);
        now = jn_mono_ns();
        receive(now);
        if (now - swept < UINT64_C(100000000))
            continue;
        swept = now;
        for (unsigned i = 0; i < n_phones; i++)
            if (phones[i].sent_ns && now - phones[i].sent_ns > AGAIN_MS * UINT64_C(1000000)) {
                again++;
                ask(i, now);
            }
    }
    return (double)done / ((double)(now - start) / 1e9);
}

static void write_centre(const struct daemon_run *d)
{
    FILE *f = daemon_file(d, "centre.yaml");
    fprintf(f, "version: 1\ntenants:\n  - name: bench\n    domain: " BENCH_DOMAIN
               "\n    queues: [{name: q}]\n    agents:\n");
    for (unsigned i = 0; i < n_phones; i++) {
        register_ha1(phones[i].ha1, i);
        fprintf(f, "      - {name: p%u, phone: {user: p%u, ha1: %s}}\n", i, i, phones[i].ha1);
    }
    fclose(f);
    f = daemon_file(d, "junctor.yaml");
    fprintf(f,
            "version: 1\ndata_dir: data\ncentre: centre.yaml\nsip: {port: %d, max_registers_per_s: 1000000}\n"
            "media: {port_min: 26000, port_max: 26099}\napi: {port: %d}\nsounds: []\nlog: {level: warn}\n",
            PORT, PORT + 2);
    fclose(f);
}

int main(int argc, char *argv[])
{
    unsigned seconds = argc > 1 ? (unsigned)atoi(argv[1]) : 10;
    n_phones = argc > 2 ? (unsigned)atoi(argv[2]) : n_phones;
    window = argc > 3 ? (unsigned)atoi(argv[3]) : window;
    struct daemon_run d = {.dir = "/tmp/junctor-registers-XXXXXX"};
    struct sockaddr_in me = {.sin_family = AF_INET, .sin_port = htons(PORT + 1), .sin_addr.s_addr = htonl(0x7f000001)};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(0x7f000001)};
    int room = 8 << 20;
    phones = calloc(n_phones, sizeof *phones);
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (!phones || !mkdtemp(d.dir) || fd < 0 || bind(fd, (struct sockaddr *)&me, sizeof me))
        daemon_die("registers");
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    write_centre(&d);
    daemon_start(&d, 1024);
    daemon_pin(1);
    daemon_ready(&d);
    if (connect(fd, (struct sockaddr *)&to, sizeof to))
        daemon_die("connect");
    load_for(100000000); /* its first ones wait for the agents' rows */
    double cpu = daemon_cpu(d.pid, 0), rate = load_for(seconds * UINT64_C(1000000000));
    cpu = daemon_cpu(d.pid, 0) - cpu;
    printf("%llu registrations of %u phones, %u in flight, in %u s; sent again %llu, 503 %llu, other answers %llu\n",
           (unsigned long long)done, n_phones, window, seconds, (unsigned long long)again, (unsigned long long)busy,
           (unsigned long long)other);
    printf("FIGURE sip_registers_per_s %.0f registrations/s\n", rate);
    printf("FIGURE sip_register_cpu %.0f us\n", done ? cpu * 1e6 / (double)done : 0);
    printf("FIGURE sip_register_mean %.1f ms\n", done ? (double)total_ns / (double)done / 1e6 : 0);
    printf("FIGURE sip_register_slowest %.1f ms\n", (double)slowest_ns / 1e6);
    daemon_stop(&d);
    return !done || other;
}
