/* Sip: complete calls at the real daemon: a caller's leg, a greeting, the queue, an agent's leg, at least 2 s and 10
 * packets of media each way, a recording, a record in the store. The daemon has one core, the peers another. First how
 * long a call takes to be set up; then how many calls a second go without a failure; then the set-up again while
 * thousands of other calls are held without media. bench_sip [--rate FIRST] [--most RATE] [--seconds N] [--held N]
 * [--only-rates 1: no set-up times, for a look under a profiler] */
#include "bench/daemon.h"
#include "bench/sip_peers.h"
#include "bench/sip_register.h"
#include <getopt.h>
#include <math.h>
#include <poll.h>

enum { SIP_PORT = 25060, API_PORT = 25062, REGISTER_AT_ONCE = 64, THREADS_MAX = 32 };

static struct peers p;
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
        "version: 1\ntenants:\n  - name: bench\n    domain: " BENCH_DOMAIN
        "\n    trunks: [{name: t, from: [127.0.0.1/32]}]\n"
        "    queues:\n      - {name: q, number: \"100\", channels: [voice], greeting: hello, target: 20s, wrap_up: 0s, "
        "offer_timeout: 20s, say_position: false, record: true}\n    agents:\n");
    for (unsigned i = 0; i < p.n_phones; i++) {
        char ha1[33];
        register_ha1(ha1, i);
        fprintf(f, "      - {name: p%u, phone: {user: p%u, ha1: %s}}\n", i, i, ha1);
    }
    fclose(f);
    f = daemon_file(&d, "junctor.yaml");
    fprintf(f,
            "version: 1\ndata_dir: data\ncentre: centre.yaml\nsip: {port: %d, max_calls: %u, max_calls_per_s: 100000, "
            "max_registers_per_s: 1000000}\nmedia: {port_min: 27000, port_max: 65000, silence_end: 0s}\n"
            "workers: {count: 1, pin: false}\napi: {port: %d}\nsounds: [sounds]\nlog: {level: warn}\n"
            "router: {max_agents: %u, max_interactions: 200000}\n",
            SIP_PORT, held + 4 * most + 100, API_PORT, p.n_phones + 10);
    fclose(f);
}

/* ---- agents ---- */

static void register_phones(void)
{
    char text[MESSAGE], nonce[128];
    unsigned next = 0, done = 0, in_flight = 0;
    uint8_t *state = calloc(p.n_phones, 1);
    uint64_t asked = jn_mono_ns();
    while (state && done < p.n_phones) {
        for (; next < p.n_phones && in_flight < REGISTER_AT_ONCE; next++, in_flight++)
            peers_send(p.sip_phone, text, register_text(text, sizeof text, next, 1, p.p_sip_phone, NULL, NULL));
        struct pollfd f = {p.sip_phone, POLLIN, 0};
        if (poll(&f, 1, 500) == 0) { /* something was lost: everybody who is not done asks again */
            for (unsigned i = 0; i < next; i++)
                if (state[i] < 2)
                    peers_send(p.sip_phone, text, register_text(text, sizeof text, i, 1, p.p_sip_phone, NULL, NULL)),
                        state[i] = 0;
            if (jn_mono_ns() - asked > UINT64_C(60000000000))
                daemon_die("phones do not register");
        }
        for (ssize_t n; (n = recv(p.sip_phone, text, sizeof text - 1, MSG_DONTWAIT)) > 0;) {
            text[n] = 0;
            const char *id = strstr(text, "\nCall-ID:"), *at = strstr(text, "nonce=\"");
            unsigned i = id ? (unsigned)strtoul(id + 9, NULL, 10) : p.n_phones, status = (unsigned)atoi(text + 8);
            if (i >= p.n_phones)
                continue;
            if (status == 401 && at && state[i] == 0) {
                char ha1[33];
                jn_copy_n(nonce, sizeof nonce, at + 7, strcspn(at + 7, "\""));
                register_ha1(ha1, i);
                state[i] = 1;
                peers_send(p.sip_phone, text, register_text(text, sizeof text, i, 2, p.p_sip_phone, ha1, nonce));
            } else if (status == 200 && state[i] == 1) {
                state[i] = 2;
                done++;
                in_flight--;
            }
        }
    }
    free(state);
}

static void ready_agents(void)
{
    char body[128];
    for (unsigned i = 0; i < p.n_phones; i++) {
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

static unsigned free_caller(unsigned *from)
{
    for (unsigned k = 0; k < p.n_callers; k++, *from = (*from + 1) % p.n_callers)
        if (p.caller[*from].state == IDLE || p.caller[*from].state == DONE || p.caller[*from].state == FAILED) {
            unsigned i = *from;
            *from = (*from + 1) % p.n_callers;
            return i;
        }
    return p.n_callers;
}

/* Calls at that rate for so many seconds, and until the last one is over. hold: they stay up instead. */
static bool run(unsigned rate, unsigned n, bool hold)
{
    static unsigned from;
    uint64_t start = jn_mono_ns(), now = start, failed = p.failed, short_media = p.short_media;
    unsigned begun = 0, up = p.up;
    p.n_setup = 0;
    p.holding = hold;
    while (begun < n || (hold ? p.up < up + n && p.failed == failed : p.active > up)) {
        for (unsigned due = (unsigned)((double)(now - start) / 1e9 * rate) + 1; begun < n && begun < due; begun++) {
            unsigned i = free_caller(&from);
            if (i == p.n_callers)
                break;
            caller_begin(&p, i, hold, now);
            calls_made++;
        }
        now = peers_step(&p);
        if (now - start > (n / (rate ? rate : 1) + 20) * UINT64_C(1000000000))
            break;
    }
    return p.failed == failed && p.short_media == short_media;
}

static void let_go(unsigned rate)
{
    uint64_t start = jn_mono_ns(), now = start;
    unsigned gone = 0, i = 0;

    while (i < p.n_callers || p.active) {
        for (unsigned due = (unsigned)((double)(now - start) / 1e9 * rate) + 1; i < p.n_callers && gone < due; i++)
            if (p.caller[i].state == UP && p.caller[i].hold) {
                p.caller[i].hold = false;
                p.caller[i].began_ns = now;
                caller_bye(&p, i, now);
                gone++;
            }
        now = peers_step(&p);
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
    double answer = at(p.answer_us, p.n_setup, 0.5), half = at(p.setup_us, p.n_setup, 0.5),
           late = at(p.setup_us, p.n_setup, 0.99);
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
        uint64_t again = p.again;
        bool ok = run(rate, rate * seconds, false);
        wall = ((double)jn_mono_ns() - wall) / 1e9;
        cpu = daemon_cpu(d.pid, 0) - cpu;
        mine = daemon_cpu(getpid(), 0) - mine;
        printf("%u calls/s for %u s: %s; engine %.0f %% of its core, peers %.0f %%, sent again %llu, agent's phone up "
               "after "
               "%.0f ms (99 %%: %.0f ms)\n",
               rate, seconds,
               ok         ? "every one complete"
               : p.why[0] ? p.why
                          : "too little media",
               100 * cpu / wall, 100 * mine / wall, (unsigned long long)(p.again - again),
               at(p.setup_us, p.n_setup, 0.5), at(p.setup_us, p.n_setup, 0.99));
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
    daemon_call(&d, "GET", "/api/v1/recordings", NULL, NULL, &recordings);
    recorded = jn_json_count(jn_json_get(recordings, "recordings"));
    printf("%llu calls made; in the store %lld offered, %lld answered; %zu recordings; %llu calls rang a phone\n",
           (unsigned long long)calls_made, offered, answered, recorded, (unsigned long long)p.agent_calls);
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
    p.engine_port = SIP_PORT;
    p.n_callers = held + 4 * most;
    p.n_phones = held + 4 * most;
    p.p_sip_caller = SIP_PORT + 10;
    p.p_sip_phone = SIP_PORT + 11;
    p.p_rtp_caller = SIP_PORT + 12;
    p.p_rtp_phone = SIP_PORT + 14;
    p.caller = calloc(p.n_callers, sizeof *p.caller);
    p.phone = calloc(p.n_phones, sizeof *p.phone);
    p.of_caller_port = malloc(65536 * sizeof(int32_t));
    p.of_phone_port = malloc(65536 * sizeof(int32_t));
    p.cap_setup = most * seconds + 1000;
    p.setup_us = calloc(p.cap_setup, sizeof *p.setup_us);
    p.answer_us = calloc(p.cap_setup, sizeof *p.answer_us);
    if (!p.caller || !p.phone || !p.of_caller_port || !p.of_phone_port || !p.setup_us || !p.answer_us)
        daemon_die("memory");
    memset(p.of_caller_port, 0xff, 65536 * sizeof(int32_t));
    memset(p.of_phone_port, 0xff, 65536 * sizeof(int32_t));
    p.sip_caller = peers_socket(p.p_sip_caller, SIP_PORT);
    p.sip_phone = peers_socket(p.p_sip_phone, SIP_PORT);
    p.rtp_caller = peers_socket(p.p_rtp_caller, 0);
    p.rtp_phone = peers_socket(p.p_rtp_phone, 0);
}

int main(int argc, char *argv[])
{
    if (!options(argc, argv))
        return fputs("bench_sip [--rate FIRST] [--most RATE] [--seconds N] [--held N]\n", stderr), 2;
    if (!mkdtemp(d.dir))
        daemon_die(d.dir);
    open_peers();
    write_greeting();
    write_centre();
    daemon_start(&d, 200000);
    daemon_pin(1);
    daemon_ready(&d);
    uint64_t began = jn_mono_ns();
    register_phones();
    ready_agents();
    printf("%u phones registered, their agents ready, after %.1f s\n", p.n_phones,
           (double)(jn_mono_ns() - began) / 1e9);
    fflush(stdout);
    if (!only_rates)
        run(50, 100, false);
    double alone = only_rates ? 0 : set_up("nothing else");
    unsigned rate = find_rate();
    double beside = 0;
    bool ok = rate > 0;
    if (held && ok && !only_rates) {
        if (!run(150, held, true))
            printf("not all of %u calls could be held: %s\n", held, p.why);
        char what[64];
        snprintf(what, sizeof what, "%u others held without media", p.up);
        beside = set_up(what);
        let_go(200);
    }
    ok &= accounts();
    if (p.failed)
        printf("%llu calls were not as wanted, the first: %s\n", (unsigned long long)p.failed, p.why);
    printf("FIGURE sip_calls_per_s %u calls/s\nFIGURE sip_setup_p99 %.1f ms\n", rate, alone);
    if (held && !only_rates)
        printf("FIGURE sip_setup_p99_beside_%u %.1f ms\n", held, beside);
    daemon_stop(&d);
    return ok ? 0 : 1;
}
