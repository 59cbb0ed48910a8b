/* Workers over real sockets on loopback: what one party says is what the other hears, compared frame by frame. */
#include "engine/base/clock.h"
#include "engine/worker/worker.h"
#include "media/codec/g711.h"
#include "media/record/render.h"
#include "media/rtcp/rtcp.h"
#include "media/stream/order.h"
#include "tests/media/record/drain.h"
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

TestSuite(worker, .timeout = 40);

enum { FRAMES = 60, ROOM = 50, HEARD_MAX = 1000 };

struct engine {
    unsigned n;
    struct jn_worker *w[2];
    struct jn_mailbox orders[2], facts[2];
    struct jn_rec_ring rec[2];
    struct jn_sounds sounds;
};

/* A phone: a socket, what it says, what it heard and when. */
struct phone {
    int fd;
    struct jn_addr local, engine;
    uint64_t leg;
    unsigned worker;
    uint16_t seq;
    uint32_t ts;
    unsigned heard_n, rtcp, byes;
    uint64_t said_at[FRAMES], heard_at[HEARD_MAX];
    struct jn_rtp heard_h[HEARD_MAX];
    uint8_t heard[HEARD_MAX][160];
};

static void engine_open(struct engine *e, unsigned n, uint16_t first)
{
    memset(e, 0, sizeof *e);
    e->n = n;
    jn_time_start(0);
    int16_t tone[1600];
    for (int i = 0; i < 1600; i++)
        tone[i] = (int16_t)(i % 40 < 20 ? 3000 : -3000);
    cr_assert_eq(jn_sounds_add(&e->sounds, "tone", tone, 1600), 0);
    for (unsigned i = 0; i < n; i++) {
        struct jn_worker_config c = {.index = (uint8_t)i,
                                     .cpu = -1,
                                     .port_min = (uint16_t)(first + 40 * i),
                                     .port_max = (uint16_t)(first + 40 * i + 39),
                                     .max_legs = 16,
                                     .max_rooms = 8,
                                     .silence_ms = 500,
                                     .latch_ms = 1000,
                                     .quarantine_ms = 5000,
                                     .sounds = &e->sounds};
        struct jn_err err;
        jn_addr_parse(&c.local, "127.0.0.1", 0);
        cr_assert_eq(jn_worker_open(&e->w[i], &c, &err), 0, "%s", err.text);
        jn_mailbox_init(&e->orders[i], 64, sizeof(struct jn_order), jn_worker_waker(e->w[i]));
        jn_mailbox_init(&e->facts[i], 256, sizeof(struct jn_fact), NULL);
        jn_rec_ring_init(&e->rec[i], 64);
        jn_worker_mail(e->w[i], &e->orders[i], &e->facts[i], &e->rec[i]);
    }
    cr_assert_eq(jn_workers_link(e->w, n), 0);
    for (unsigned i = 0; i < n; i++)
        cr_assert_eq(jn_worker_start(e->w[i]), 0);
}

static void engine_close(struct engine *e)
{
    for (unsigned i = 0; i < e->n; i++)
        jn_worker_stop(e->w[i]);
    for (unsigned i = 0; i < e->n; i++) {
        jn_worker_close(e->w[i]);
        jn_mailbox_free(&e->orders[i]);
        jn_mailbox_free(&e->facts[i]);
        jn_rec_ring_free(&e->rec[i]);
    }
    jn_sounds_free(&e->sounds);
}

static void order(struct engine *e, unsigned worker, const struct jn_order *o)
{
    cr_assert_eq(jn_mailbox_send(&e->orders[worker], o), 0);
}

static void pause_ms(unsigned ms)
{
    struct timespec t = {.tv_nsec = (long)ms * 1000000};
    nanosleep(&t, NULL);
}

/* Waits up to 3 s for a fact of that kind; others are passed over. */
static struct jn_fact await(struct engine *e, unsigned worker, uint8_t kind)
{
    struct jn_fact f;
    for (int i = 0; i < 3000; i++) {
        while (jn_mailbox_recv(&e->facts[worker], &f, 1) == 1)
            if (f.kind == kind)
                return f;
        pause_ms(1);
    }
    cr_assert_fail("no fact of kind %u", kind);
    return f;
}

static void phone_open(struct engine *e, struct phone *p, uint64_t leg, unsigned worker)
{
    struct sockaddr_in s = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof s;
    memset(p, 0, sizeof *p);
    p->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    cr_assert_eq(bind(p->fd, (struct sockaddr *)&s, sizeof s), 0);
    getsockname(p->fd, (struct sockaddr *)&s, &len);
    jn_addr_parse(&p->local, "127.0.0.1", ntohs(s.sin_port));
    p->leg = leg;
    p->worker = worker;
    struct jn_order o = {.kind = JN_ORDER_LEG_OPEN, .leg = leg, .token = leg};
    order(e, worker, &o);
    p->engine = await(e, worker, JN_FACT_LEG_OPENED).opened.rtp;
    o = (struct jn_order){.kind = JN_ORDER_LEG_REMOTE, .leg = leg};
    o.remote = (struct jn_leg_remote){.rtp = p->local, .rtcp = p->local, .dtmf_pt = 101, .cn_pt = 255, .ptime_ms = 20};
    order(e, worker, &o);
}

static void join(struct engine *e, struct phone *p, uint8_t track)
{
    struct jn_order o = {
        .kind = JN_ORDER_ROOM_JOIN, .leg = p->leg, .room = ROOM, .leg_worker = (uint8_t)p->worker, .join.track = track};
    order(e, p->worker, &o);
    if (p->worker != 0)
        order(e, 0, &o);
}

static void say(struct phone *p, unsigned frame, uint8_t code)
{
    uint8_t data[172];
    struct jn_rtp h = {.seq = p->seq++, .ts = p->ts, .ssrc = (uint32_t)p->leg};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(p->engine.port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    p->ts += 160;
    jn_rtp_build(data, &h);
    memset(data + 12, code, 160);
    if (frame < FRAMES)
        p->said_at[frame] = jn_mono_ns();
    cr_assert_eq(sendto(p->fd, data, sizeof data, 0, (struct sockaddr *)&to, sizeof to), (ssize_t)sizeof data);
}

static void listen_now(struct phone *p)
{
    uint8_t data[600];
    ssize_t n;
    while ((n = recv(p->fd, data, sizeof data, 0)) > 0) {
        struct jn_rtcp_news news;
        if (jn_is_rtcp(data, (size_t)n)) {
            p->rtcp++;
            p->byes += jn_rtcp_parse(&news, data, (size_t)n, 0) == 0 && news.bye;
            continue;
        }
        cr_assert_lt(p->heard_n, HEARD_MAX);
        cr_assert(n > 12 && n <= 172, "%zd bytes", n); /* shorter: what a mix that ends had left */
        cr_assert_eq(jn_rtp_parse(&p->heard_h[p->heard_n], data, (size_t)n), 0);
        p->heard_at[p->heard_n] = jn_mono_ns();
        memset(p->heard[p->heard_n], 0, 160);
        memcpy(p->heard[p->heard_n++], data + 12, (size_t)n - 12);
    }
}

/* Both phones talk for some frames, each frame a sound of its own; both listen all the time. */
static void converse(struct phone *a, struct phone *b, unsigned frames)
{
    uint64_t begin = jn_mono_ns();
    for (unsigned i = 0; i < frames; i++) {
        say(a, i, (uint8_t)(0x90 + i));
        say(b, i, (uint8_t)(0x10 + i));
        while (jn_mono_ns() < begin + (i + 1) * UINT64_C(20000000)) {
            listen_now(a);
            listen_now(b);
            pause_ms(1);
        }
    }
}

static void end(struct engine *e, struct phone *p)
{
    struct jn_order o = {.kind = JN_ORDER_LEG_CLOSE, .leg = p->leg, .token = 900 + p->leg};
    order(e, p->worker, &o);
    struct jn_fact f = await(e, p->worker, JN_FACT_LEG_CLOSED);
    cr_assert_eq(f.token, 900 + p->leg);
    cr_assert_eq(f.stats.lost, 0);
    cr_assert_gt(f.stats.rx_packets, 0);
    pause_ms(20);
    listen_now(p);
    cr_assert_eq(p->byes, 1, "the leg's end is said by RTCP");
    close(p->fd);
}

/* Every frame that `from` said was heard whole by `to`, in order; gives the largest delay. */
static uint64_t heard_all(const struct phone *from, const struct phone *to, uint8_t base)
{
    uint64_t worst = 0;
    unsigned at = 0;
    for (unsigned k = 0; k < FRAMES; k++) {
        uint8_t want[160];
        memset(want, base + (int)k, 160);
        while (at < to->heard_n && memcmp(to->heard[at], want, 160) != 0)
            at++;
        cr_assert_lt(at, to->heard_n, "frame %u was not heard as it was said", k);
        uint64_t delay = to->heard_at[at] - from->said_at[k];
        worst = delay > worst ? delay : worst;
    }
    return worst;
}

static void check_sequence(const struct phone *p)
{
    for (unsigned i = 1; i < p->heard_n; i++) {
        cr_assert_eq(p->heard_h[i].seq, (uint16_t)(p->heard_h[i - 1].seq + 1));
        cr_assert_eq(p->heard_h[i].ssrc, p->heard_h[0].ssrc);
        cr_assert_geq((int32_t)(p->heard_h[i].ts - p->heard_h[i - 1].ts), 160);
    }
}

static void talk_over(unsigned workers, unsigned agent_worker, uint16_t first)
{
    static struct phone a, b;
    static struct jn_rec_item it[4096];
    struct engine e;
    struct jn_rec_ledger ledger = {0};
    engine_open(&e, workers, first);
    phone_open(&e, &a, 1, 0);
    phone_open(&e, &b, 2, agent_worker);
    struct jn_order o = {.kind = JN_ORDER_ROOM_OPEN, .room = ROOM};
    order(&e, 0, &o);
    join(&e, &a, JN_TRACK_CALLER);
    join(&e, &b, JN_TRACK_AGENT);
    o = (struct jn_order){.kind = JN_ORDER_RECORD, .room = ROOM, .record = {.call = 9, .tenant = 1, .on = 1}};
    order(&e, 0, &o);
    pause_ms(250); /* until it relays */
    converse(&a, &b, FRAMES);
    pause_ms(20);
    listen_now(&a);
    listen_now(&b);
    cr_assert_lt(heard_all(&a, &b, 0x90), 200000000u, "a relay adds no playout delay");
    cr_assert_lt(heard_all(&b, &a, 0x10), 200000000u);
    check_sequence(&a);
    check_sequence(&b);
    o = (struct jn_order){.kind = JN_ORDER_ROOM_CLOSE, .room = ROOM, .token = 4};
    order(&e, 0, &o);
    cr_assert_eq(await(&e, 0, JN_FACT_ROOM_CLOSED).closed_room.frames, 2 * FRAMES);
    unsigned n = jn_test_drain(&e.rec[0], it, 4096);
    for (unsigned i = 0; i < n; i++)
        jn_rec_ledger_add(&ledger, &it[i]);
    cr_assert(ledger.complete);
    cr_assert_eq(ledger.frames[JN_TRACK_CALLER], FRAMES);
    cr_assert_eq(ledger.frames[JN_TRACK_AGENT], FRAMES);
    end(&e, &a);
    end(&e, &b);
    uint64_t relayed = 0;
    for (unsigned i = 0; i < workers; i++)
        relayed += atomic_load(&jn_worker_counts(e.w[i])->relayed);
    cr_assert_eq(relayed, 2 * FRAMES);
    if (agent_worker != 0)
        cr_assert_geq(atomic_load(&jn_worker_counts(e.w[0])->link_frames), FRAMES);
    engine_close(&e);
}

Test(worker, two_parties_on_one_worker_hear_each_other_bit_by_bit)
{
    talk_over(1, 0, 23000);
}

Test(worker, two_parties_on_two_workers_hear_each_other_bit_by_bit)
{
    talk_over(2, 1, 23100);
}

static int level(const uint8_t coded[160])
{
    int16_t pcm[160];
    int sum = 0;
    jn_codec_decode(JN_CODEC_PCMU, pcm, coded, 160);
    for (int i = 0; i < 160; i++)
        sum += abs(pcm[i]);
    return sum / 160;
}

Test(worker, music_reaches_a_leg_of_another_worker_at_its_level_and_ends_with_a_fact)
{
    static struct phone b;
    struct engine e;
    engine_open(&e, 2, 23200);
    phone_open(&e, &b, 2, 1);
    struct jn_order o = {.kind = JN_ORDER_ROOM_OPEN, .room = ROOM};
    order(&e, 0, &o);
    join(&e, &b, JN_TRACK_CALLER);
    pause_ms(60);
    listen_now(&b);
    unsigned before = b.heard_n;
    o = (struct jn_order){.kind = JN_ORDER_PLAY, .room = ROOM, .token = 31, .play = {.n = 1}};
    order(&e, 0, &o);
    cr_assert_eq(await(&e, 0, JN_FACT_PLAY_DONE).token, 31);
    pause_ms(60);
    listen_now(&b);
    unsigned loud = 0;
    for (unsigned i = before; i < b.heard_n; i++)
        loud += abs(level(b.heard[i]) - 3000) < 120;
    cr_assert_eq(loud, 10, "200 ms of it");
    check_sequence(&b);
    cr_assert_eq(await(&e, 1, JN_FACT_LEG_SILENT).leg, 2);
    /* Each period of the room's home has its lateness (the first ones before there was somebody to say it to), its work
     * took time, and there was far less work than core. */
    const struct jn_worker_counts *c = jn_worker_counts(e.w[0]);
    uint64_t ticks = 0;
    for (unsigned i = 0; i < JN_LATE_N; i++)
        ticks += atomic_load(&c->late[i]);
    cr_assert(ticks >= 15 && ticks <= atomic_load(&c->mixed) + 10, "%lu ticks, %lu mixed", ticks,
              atomic_load(&c->mixed));
    cr_assert_gt(atomic_load(&c->busy_ns), 0);
    cr_assert_lt(atomic_load(&c->load_permille), 900);
    close(b.fd);
    engine_close(&e);
}

Test(worker, stopping_says_goodbye_on_every_leg)
{
    static struct phone a, b;
    struct engine e;
    engine_open(&e, 2, 23300);
    phone_open(&e, &a, 1, 0);
    phone_open(&e, &b, 2, 1);
    struct jn_order o = {.kind = JN_ORDER_ROOM_OPEN, .room = ROOM};
    order(&e, 0, &o);
    join(&e, &a, JN_TRACK_CALLER);
    join(&e, &b, JN_TRACK_AGENT);
    converse(&a, &b, 10);
    for (unsigned i = 0; i < 2; i++)
        jn_worker_stop(e.w[i]);
    await(&e, 0, JN_FACT_LEG_CLOSED);
    await(&e, 1, JN_FACT_LEG_CLOSED);
    listen_now(&a);
    listen_now(&b);
    cr_assert_eq(a.byes, 1);
    cr_assert_eq(b.byes, 1);
    cr_assert_eq(atomic_load(&jn_worker_counts(e.w[0])->legs), 0);
    close(a.fd);
    close(b.fd);
    engine_close(&e);
}

Test(worker, bad_ranges_are_refused_with_a_reason)
{
    struct jn_worker *w;
    struct jn_err err;
    struct jn_worker_config c = {.cpu = -1, .port_min = 5001, .port_max = 5002, .max_legs = 1, .max_rooms = 1};
    jn_addr_parse(&c.local, "127.0.0.1", 0);
    cr_assert_eq(jn_worker_open(&w, &c, &err), -EINVAL);
    cr_assert_neq(err.text[0], 0);
    c.port_max = 5009;
    c.local.family = JN_ADDR_NONE;
    cr_assert_eq(jn_worker_open(&w, &c, &err), -EINVAL);
}
