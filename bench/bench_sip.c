/* Sip: complete calls at the real daemon: a caller's leg, a greeting, the queue, an agent's leg, at least 2 s and 10
 * packets of media each way, a recording, a record in the store. The daemon has one core, the peers another. First how
 * long a call takes to be set up; then how many calls a second go without a failure; then the set-up again while
 * thousands of other calls are held without media. bench_sip [--rate FIRST] [--most RATE] [--seconds N] [--held N]
 * [--only-rates 1: no set-up times, for a look under a profiler] */
#include "bench/daemon.h"
#include "engine/load/load.h"
#include "engine/load/sip_text.h"
#include "engine/load/sock.h"
#include <getopt.h>
#include <math.h>

#define DOMAIN "bench.test"
enum {
    SIP_PORT = 25060,
    API_PORT = 25062,
    PEERS_PORT = 25070, /* callers' SIP, phones' SIP, two media ports that all of them share */
    REGISTER_AT_ONCE = 64,
    THREADS_MAX = 32,
    TALK_PACKETS = 25, /* each side begins with so many packets, one each 20 ms as a phone sends them ... */
    SPARSE = 20,       /* ... and then sends every 20th to the end */
    PACKETS_WANTED = 10,
    TALK_MS = 2050,
    GIVE_UP_MS = 12000,
    LOOK_NS = 500000 /* peers on another machine would cost the engine's core no wake-ups either */
};

static struct jn_load *peers;
static struct jn_load_counts *count;
static struct jn_voice *voice;
static unsigned n_phones, n_callers;
static uint32_t *setup_us, *answer_us; /* one for each finished call */
static unsigned n_setup, cap_setup;
static bool letting_go;
static struct daemon_run d = {.dir = "/tmp/junctor-sip-XXXXXX"};
static unsigned first_rate = 200, most = 800, seconds = 8, held = 5000, only_rates;
static uint64_t calls_made;

/* ---- the centre ---- */

static void write_greeting(void)
{
    uint8_t h[44] = "RIFF";
    char dir[100];
    unsigned n = 8000 / 5 * 2; /* 200 ms of a soft tone */
    snprintf(dir, sizeof dir, "mkdir -p %s/sounds", d.dir);
    if (system(dir))
        daemon_die("sounds");
    FILE *f = daemon_file(&d, "sounds/hello.wav");
    const uint32_t words[] = {36 + n, 0x45564157, 0x20746d66, 16, 0x00010001, 8000, 16000, 0x00100002, 0x61746164, n};
    for (unsigned i = 0; i < 10; i++)
        for (unsigned k = 0; k < 4; k++)
            h[4 + 4 * i + k] = (uint8_t)(words[i] >> 8 * k);
    fwrite(h, 1, sizeof h, f);
    for (unsigned i = 0; i < n / 2; i++) {
        int16_t v = (int16_t)(3000 * sin(i * 0.4));
        fwrite(&v, 2, 1, f);
    }
    fclose(f);
}

static void write_centre(void)
{
    FILE *f = daemon_file(&d, "centre.yaml");
    fprintf(
        f,
        "version: 1\ntenants:\n  - name: bench\n    domain: " DOMAIN "\n    trunks: [{name: t, from: [127.0.0.1/32]}]\n"
        "    queues:\n      - {name: q, number: \"100\", channels: [voice], greeting: hello, target: 20s, wrap_up: 0s, "
        "offer_timeout: 20s, say_position: false, record: true}\n    agents:\n");
    for (unsigned i = 0; i < n_phones; i++) {
        char ha1[33], user[32], secret[32];
        snprintf(user, sizeof user, "p%u", i);
        snprintf(secret, sizeof secret, "secret%u", i);
        jn_sip_ha1(ha1, user, DOMAIN, secret);
        fprintf(f, "      - {name: p%u, phone: {user: p%u, ha1: %s}}\n", i, i, ha1);
    }
    fclose(f);
    f = daemon_file(&d, "junctor.yaml");
    fprintf(f,
            "version: 1\ndata_dir: data\ncentre: centre.yaml\nsip: {port: %d, max_calls: %u, max_calls_per_s: 100000, "
            "max_registers_per_s: 1000000}\nmedia: {port_min: 27000, port_max: 65000, silence_end: 0s}\n"
            "workers: {count: 1, pin: false}\napi: {port: %d}\nsounds: [sounds]\nlog: {level: warn}\n"
            "router: {max_agents: %u, max_interactions: 200000}\n",
            SIP_PORT, held + 4 * most + 100, API_PORT, n_phones + 10);
    fclose(f);
}

/* ---- agents ---- */

/* Takes in, sends, sleeps; the time then. */
static uint64_t step(void)
{
    uint64_t now = jn_mono_ns();
    jn_load_sleep(peers, LOOK_NS, now);
    jn_load_turn(peers, now = jn_mono_ns());
    return now;
}

static void register_phones(void)
{
    jn_load_register_all(peers, false, jn_mono_ns());
    while (jn_load_registering(peers))
        step();
    if (count->not_registered || count->registered != n_phones) {
        fprintf(stderr, "phones do not register: %s\n", count->why);
        exit(1);
    }
}

static void ready_agents(void)
{
    char body[128];
    for (unsigned i = 0; i < n_phones; i++) {
        struct jn_json *j = NULL;
        snprintf(body, sizeof body, "{\"tenant\":\"bench\",\"name\":\"p%u\",\"life_s\":86400}", i);
        int rc = daemon_call(&d, "POST", "/api/v1/tokens", NULL, body, &j);
        const char *token = jn_json_text(jn_json_get(j, "token"));
        if (rc != 200 || !token || daemon_call(&d, "POST", "/api/v1/agents/me/login", token, NULL, NULL) != 200 ||
            daemon_call(&d, "POST", "/api/v1/agents/me/ready", token, NULL, NULL) != 200) {
            fprintf(stderr, "agent p%u cannot be made ready (%d)\n", i, rc);
            exit(1);
        }
        jn_json_free(j);
    }
}

/* ---- runs ---- */

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static double at(uint32_t *v, unsigned n, double q)
{
    qsort(v, n, sizeof *v, by_size);
    return n ? v[(unsigned)((n - 1) * q)] / 1e3 : 0;
}

static void call_done(void *arg, const struct jn_load_times *t)
{
    (void)arg;
    if (letting_go || n_setup == cap_setup || !t->connected)
        return;
    answer_us[n_setup] = (uint32_t)((t->answered - t->began) / 1000);
    setup_us[n_setup++] = (uint32_t)((t->connected - t->began) / 1000);
}

/* Calls at that rate for so many seconds, and until the last one is over. hold: they stay up instead. */
static bool run(unsigned rate, unsigned n, bool hold)
{
    uint64_t start = jn_mono_ns(), now = start, failed = count->failed, short_media = count->short_media;
    unsigned begun = 0, up = count->up;
    n_setup = 0;
    jn_load_phones_stay(peers, hold);
    while (begun < n || (hold ? count->up < up + n && count->failed == failed : count->active > up)) {
        for (unsigned due = (unsigned)((double)(now - start) / 1e9 * rate) + 1; begun < n && begun < due; begun++) {
            if (jn_load_call(peers, hold, now) < 0)
                break;
            calls_made++;
        }
        now = step();
        if (now - start > (n / (rate ? rate : 1) + 20) * UINT64_C(1000000000))
            break;
    }
    return count->failed == failed && count->short_media == short_media;
}

static void let_go(unsigned rate)
{
    uint64_t start = jn_mono_ns(), now = start;
    unsigned gone = 0;
    bool more = true;

    letting_go = true;
    while (more || count->active) {
        for (unsigned due = (unsigned)((double)(now - start) / 1e9 * rate) + 1; more && gone < due; gone++)
            more = jn_load_let_go(peers, now);
        now = step();
        if (now - start > UINT64_C(60000000000))
            break;
    }
}

static void threads_table(const struct daemon_thread *before, unsigned n, double wall, unsigned calls)
{
    struct daemon_thread now[THREADS_MAX];
    unsigned m = daemon_threads(d.pid, now, THREADS_MAX);
    printf("  thread            of the core    us a call\n");
    for (unsigned i = 0; i < m; i++) {
        double cpu = now[i].cpu;
        for (unsigned k = 0; k < n; k++)
            if (before[k].tid == now[i].tid)
                cpu -= before[k].cpu;
        if (cpu > 0)
            printf("  %-16s %10.1f %% %12.0f\n", now[i].name, 100 * cpu / wall, cpu * 1e6 / calls);
    }
}

static double set_up(const char *what)
{
    run(100, 500, false);
    double answer = at(answer_us, n_setup, 0.5), half = at(setup_us, n_setup, 0.5), late = at(setup_us, n_setup, 0.99);
    printf(
        "set-up at 100 calls/s, %s: answered after %.1f ms, agent's phone up after %.1f ms (99 %%: %.1f ms), of it 200 "
        "ms greeting\n",
        what, answer, half, late);
    fflush(stdout);
    return late;
}

static unsigned find_rate(void)
{
    struct daemon_thread before[THREADS_MAX];
    unsigned good = 0;
    for (unsigned rate = first_rate; rate <= most; rate += 50) {
        unsigned n = daemon_threads(d.pid, before, THREADS_MAX);
        double cpu = daemon_cpu(d.pid, 0), mine = daemon_cpu(getpid(), 0), wall = (double)jn_mono_ns();
        uint64_t again = count->again;
        bool ok = run(rate, rate * seconds, false);
        wall = ((double)jn_mono_ns() - wall) / 1e9;
        cpu = daemon_cpu(d.pid, 0) - cpu;
        mine = daemon_cpu(getpid(), 0) - mine;
        printf("%u calls/s for %u s: %s; engine %.0f %% of its core, peers %.0f %%, sent again %llu, agent's phone up "
               "after "
               "%.0f ms (99 %%: %.0f ms)\n",
               rate, seconds,
               ok              ? "every one complete"
               : count->why[0] ? count->why
                               : "too little media",
               100 * cpu / wall, 100 * mine / wall, (unsigned long long)(count->again - again),
               at(setup_us, n_setup, 0.5), at(setup_us, n_setup, 0.99));
        fflush(stdout);
        if (!ok)
            break;
        good = rate;
        threads_table(before, n, wall, rate * seconds);
    }
    return good;
}

/* What the engine itself counted: every call answered, stored, recorded. */
static bool accounts(void)
{
    struct jn_json *report = NULL, *recordings = NULL;
    long long answered = -1, offered = -1;
    size_t recorded = 0;
    for (int i = 0; i < 100 && answered != (long long)calls_made; i++, usleep(100000)) {
        jn_json_free(report);
        report = NULL;
        daemon_call(&d, "GET", "/api/v1/report", NULL, NULL, &report);
        answered = jn_json_int(jn_json_get(jn_json_get(report, "total"), "answered"), -1);
        offered = jn_json_int(jn_json_get(jn_json_get(report, "total"), "offered"), -1);
    }
    daemon_call(&d, "GET", "/api/v1/recordings?limit=100000", NULL, NULL, &recordings);
    recorded = jn_json_count(jn_json_get(recordings, "recordings"));
    printf("%llu calls made; in the store %lld offered, %lld answered; %zu recordings; %llu calls rang a phone\n",
           (unsigned long long)calls_made, offered, answered, recorded, (unsigned long long)count->phone_calls);
    jn_json_free(report);
    jn_json_free(recordings);
    return answered == (long long)calls_made && offered == answered && recorded == calls_made;
}

static bool options(int argc, char *argv[])
{
    static const struct option known[] = {{"rate", 1, NULL, 'r'},       {"most", 1, NULL, 'm'},
                                          {"seconds", 1, NULL, 's'},    {"held", 1, NULL, 'h'},
                                          {"only-rates", 1, NULL, 'o'}, {0}};
    for (int o; (o = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        unsigned *to = o == 'r'   ? &first_rate
                       : o == 'm' ? &most
                       : o == 's' ? &seconds
                       : o == 'h' ? &held
                       : o == 'o' ? &only_rates
                                  : NULL;
        if (!to)
            return false;
        *to = (unsigned)atoi(optarg);
    }
    return first_rate && most >= first_rate && seconds;
}

static void open_peers(void)
{
    struct jn_err err;
    struct jn_load_config c = {.sip_port = PEERS_PORT,
                               .answer_port = PEERS_PORT + 1,
                               .number = "100",
                               .domain = DOMAIN,
                               .caller = "c%d",
                               .phone = "p%d",
                               .password = "secret%d",
                               .callers = n_callers,
                               .phones = n_phones,
                               .registers_at_once = REGISTER_AT_ONCE,
                               .registers = true,
                               .late_talk = true,
                               .hold_joined = true,
                               .codec = {JN_CODEC_PCMU},
                               .codecs = 1,
                               .hold_ms = TALK_MS,
                               .give_up_ms = GIVE_UP_MS,
                               .packets_wanted = PACKETS_WANTED,
                               .turn_ms = 5,
                               .connected_n = n_callers,
                               .done = call_done};
    cap_setup = most * seconds + 1000;
    setup_us = calloc(cap_setup, sizeof *setup_us);
    answer_us = calloc(cap_setup, sizeof *answer_us);
    c.connected_ns = calloc(n_callers, sizeof *c.connected_ns);
    if (!setup_us || !answer_us || !c.connected_ns || jn_voice_make(&voice, NULL, 0, 1, &err) < 0)
        daemon_die("memory");
    snprintf(c.host, sizeof c.host, "127.0.0.1:%u", SIP_PORT);
    jn_addr_parse(&c.local, "127.0.0.1", 0);
    jn_addr_parse(&c.target, "127.0.0.1", SIP_PORT);
    c.media = (struct jn_load_media_config){
        .ops = &jn_load_sock,
        .port = {.local = c.local, .port_min = PEERS_PORT + 2, .port_max = PEERS_PORT + 5, .wake_fd = -1},
        .dense = TALK_PACKETS,
        .sparse = SPARSE,
        .voice = voice};
    if (jn_load_open(&peers, &c, &err) < 0) {
        fprintf(stderr, "peers: %s\n", err.text);
        exit(1);
    }
    count = jn_load_counts(peers);
}

int main(int argc, char *argv[])
{
    if (!options(argc, argv))
        return fputs("bench_sip [--rate FIRST] [--most RATE] [--seconds N] [--held N]\n", stderr), 2;
    if (!mkdtemp(d.dir))
        daemon_die(d.dir);
    n_callers = n_phones = held + 4 * most;
    open_peers();
    write_greeting();
    write_centre();
    daemon_start(&d, 200000);
    daemon_pin(1);
    daemon_ready(&d);
    uint64_t began = jn_mono_ns();
    register_phones();
    ready_agents();
    printf("%u phones registered, their agents ready, after %.1f s\n", n_phones, (double)(jn_mono_ns() - began) / 1e9);
    fflush(stdout);
    if (!only_rates)
        run(50, 100, false);
    double alone = only_rates ? 0 : set_up("nothing else");
    unsigned rate = find_rate();
    double beside = 0;
    bool ok = rate > 0;
    if (held && ok && !only_rates) {
        if (!run(150, held, true))
            printf("not all of %u calls could be held: %s\n", held, count->why);
        char what[64];
        snprintf(what, sizeof what, "%u others held without media", count->up);
        beside = set_up(what);
        let_go(200);
    }
    ok &= accounts();
    if (count->failed)
        printf("%llu calls were not as wanted, the first: %s\n", (unsigned long long)count->failed, count->why);
    printf("FIGURE sip_calls_per_s %u calls/s\nFIGURE sip_setup_p99 %.1f ms\n", rate, alone);
    if (held && !only_rates)
        printf("FIGURE sip_setup_p99_beside_%u %.1f ms\n", held, beside);
    daemon_stop(&d);
    return ok ? 0 : 1;
}
