/* Registers: phones that register with digest at the real daemon: REGISTER, 401, REGISTER, 200. The daemon has one core
 * and this program, which plays all the phones over one socket, another. Arguments: seconds, phones, in flight. */
#include "bench/daemon.h"
#include "engine/load/load.h"
#include "engine/load/sip_text.h"
#include <poll.h>

#define DOMAIN "bench.test"
enum { PORT = 25060 };

static unsigned n_phones = 10000, window = 256;
static struct jn_load *peers;

/* Registers phones one after the other, again and again, so many at a time, for that long. */
static double load_for(uint64_t ns)
{
    struct jn_load_counts *c = jn_load_counts(peers);
    uint64_t start = jn_mono_ns(), now = start;
    unsigned next = 0;
    memset(c, 0, sizeof *c);
    while (now - start < ns) {
        struct pollfd f = {.fd = jn_load_phone_fd(peers), .events = POLLIN};
        for (unsigned tried = 0; jn_load_in_register(peers) < window && tried < n_phones;
             tried++, next = (next + 1) % n_phones)
            jn_load_register(peers, next, false, now);
        poll(&f, 1, 20);
        jn_load_turn(peers, now = jn_mono_ns());
    }
    return (double)c->registered / ((double)(now - start) / 1e9);
}

static void write_centre(const struct daemon_run *d)
{
    FILE *f = daemon_file(d, "centre.yaml");
    fprintf(f, "version: 1\ntenants:\n  - name: bench\n    domain: " DOMAIN "\n    queues: [{name: q}]\n    agents:\n");
    for (unsigned i = 0; i < n_phones; i++) {
        char ha1[33], user[32], secret[32];
        snprintf(user, sizeof user, "p%u", i);
        snprintf(secret, sizeof secret, "secret%u", i);
        jn_sip_ha1(ha1, user, DOMAIN, secret);
        fprintf(f, "      - {name: p%u, phone: {user: p%u, ha1: %s}}\n", i, i, ha1);
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
    struct jn_err err;
    struct jn_load_config c = {.answer_port = PORT + 1,
                               .domain = DOMAIN,
                               .caller = "c%d",
                               .phone = "p%d",
                               .password = "secret%d",
                               .phones = n_phones,
                               .registers = true,
                               .turn_ms = 100}; /* how often it looks who has to ask again */
    jn_addr_parse(&c.local, "127.0.0.1", 0);
    jn_addr_parse(&c.target, "127.0.0.1", PORT);
    if (!mkdtemp(d.dir) || jn_load_open(&peers, &c, &err) < 0)
        daemon_die("registers");
    write_centre(&d);
    daemon_start(&d, 1024);
    daemon_pin(1);
    daemon_ready(&d);
    load_for(100000000); /* its first ones wait for the agents' rows */
    double cpu = daemon_cpu(d.pid, 0), rate = load_for(seconds * UINT64_C(1000000000));
    cpu = daemon_cpu(d.pid, 0) - cpu;
    const struct jn_load_counts *got = jn_load_counts(peers);
    uint64_t other = got->not_registered - got->register_busy;
    printf("%llu registrations of %u phones, %u in flight, in %u s; sent again %llu, 503 %llu, other answers %llu\n",
           (unsigned long long)got->registered, n_phones, window, seconds, (unsigned long long)got->again,
           (unsigned long long)got->register_busy, (unsigned long long)other);
    printf("FIGURE sip_registers_per_s %.0f registrations/s\n", rate);
    printf("FIGURE sip_register_cpu %.0f us\n", got->registered ? cpu * 1e6 / (double)got->registered : 0);
    printf("FIGURE sip_register_mean %.1f ms\n",
           got->registered ? (double)got->register_us.sum / (double)got->registered / 1e3 : 0);
    printf("FIGURE sip_register_slowest %.1f ms\n", (double)got->register_us.max / 1e3);
    bool good = got->registered && !other;
    daemon_stop(&d);
    jn_load_close(peers);
    return !good;
}
