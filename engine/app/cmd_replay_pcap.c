/* `junctor replay --pcap`: a capture's RTP through the real media plane, and what the engine would have sent. */
#include "engine/app/cmd.h"
#include "engine/app/replay_media.h"
#include "engine/base/id.h"
#include "engine/base/log.h"
#include "engine/base/str.h"
#include "media/codec/codec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help[] =
    "usage: junctor replay --pcap IN --out OUT [--pair N,M]... [--mix] [--record DIR] [--key N=BASE64]...\n"
    "                      [--impair HOW] [--seed NUMBER] [--json]\n"
    "       junctor replay --pcap IN --list [--json]\n"
    "Takes the RTP flows of a capture (pcap or pcapng) as the legs of calls, runs them through the engine's\n"
    "media plane by the capture's own clock, and writes what the engine would have sent to OUT (pcap). The same\n"
    "capture gives the same bytes each time, on every processor.\n"
    "Flows that run between the same two addresses are a call's two legs; to a flow without answer a leg listens.\n"
    "  --list        only the flows, numbered\n"
    "  --pair N,M    these two flows are one call\n"
    "  --mix         through jitter buffers and mixer, as if a supervisor listened (otherwise relayed)\n"
    "  --record DIR  records each call into DIR/recordings (see junctor rec --data DIR)\n"
    "  --key N=K     flow N is SRTP, AES_CM_128_HMAC_SHA1_80: K is its key and salt, 40 characters of base64\n"
    "  --impair HOW  RTP goes through a worse network first: a profile (lan, dsl, wifi, mobile, congested, multipath,\n"
    "                satellite) and what differs, or that alone: loss=2% burst=3%:8 delay=40ms jitter=30ms:pareto\n"
    "                overtake reorder=1%:30ms duplicate=1%:5ms spike=200ms:10s drift=-200ppm seed=7, with commas\n"
    "  --seed NUMBER for SSRCs, first sequence numbers and keys of what is sent (1)\n"
    "  --json        one JSON object on standard output\n"
    "Exit code: 0 done, 1 not as hoped (said why), 2 wrong use.\n";

enum { OPTIONS_MAX = 256, SRTP_TAG = 10, SRTP_KEY = 30 };

struct options {
    const char *in, *out, *record;
    bool list, mix, json, impaired;
    struct jn_impair_config impair;
    uint64_t seed;
    unsigned pair[OPTIONS_MAX][2], pairs, keys;
    struct jn_replay_key key[OPTIONS_MAX];
};

/* "N" up to stop, 1 and more. */
static bool number(const char *text, size_t n, unsigned *out)
{
    char digits[12];
    uint64_t v;

    if (!jn_copy_n(digits, sizeof digits, text, n) || jn_parse_u64(digits, JN_FLOWS_MAX, &v) < 0 || v == 0)
        return false;
    *out = (unsigned)v - 1;
    return true;
}

static bool add_pair(struct options *o, const char *text)
{
    const char *comma = strchr(text, ',');
    unsigned *to = o->pair[o->pairs < OPTIONS_MAX ? o->pairs : 0];

    return comma && o->pairs++ < OPTIONS_MAX && number(text, (size_t)(comma - text), &to[0]) &&
           number(comma + 1, strlen(comma + 1), &to[1]);
}

static bool add_key(struct options *o, const char *text)
{
    const char *equals = strchr(text, '=');
    struct jn_replay_key *to = &o->key[o->keys < OPTIONS_MAX ? o->keys : 0];

    return equals && o->keys++ < OPTIONS_MAX && number(text, (size_t)(equals - text), &to->flow) &&
           jn_unbase64(to->key, sizeof to->key, equals + 1, strlen(equals + 1)) == SRTP_KEY;
}

static bool set_impair(struct options *o, const char *text)
{
    char why[120];

    o->impaired = jn_impair_parse(&o->impair, text, why, sizeof why) == 0;
    if (!o->impaired)
        fprintf(stderr, "junctor replay: %s\n", why);
    return o->impaired;
}

/* True when the option's value was good. */
static bool valued(struct options *o, const char *name, const char *value)
{
    if (strcmp(name, "--pcap") == 0)
        o->in = value;
    else if (strcmp(name, "--out") == 0)
        o->out = value;
    else if (strcmp(name, "--record") == 0)
        o->record = value;
    else if (strcmp(name, "--pair") == 0)
        return add_pair(o, value);
    else if (strcmp(name, "--key") == 0)
        return add_key(o, value);
    else if (strcmp(name, "--impair") == 0)
        return set_impair(o, value);
    else if (strcmp(name, "--seed") == 0)
        return jn_parse_u64(value, UINT64_MAX, &o->seed) == 0 && o->seed != 0;
    else
        return false;
    return true;
}

/* 0; +1: helped; -1: wrong use. */
static int parse(struct options *o, int argc, char *argv[])
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(help, stdout);
            return 1;
        }
        if (strcmp(argv[i], "--list") == 0)
            o->list = true;
        else if (strcmp(argv[i], "--mix") == 0)
            o->mix = true;
        else if (strcmp(argv[i], "--json") == 0)
            o->json = true;
        else if (i + 1 < argc && valued(o, argv[i], argv[i + 1]))
            i++;
        else {
            fprintf(stderr, "junctor replay: \"%s%s%s\" is not understood\n%s", argv[i], i + 1 < argc ? " " : "",
                    i + 1 < argc ? argv[i + 1] : "", help);
            return -1;
        }
    }
    if (!o->in || (!o->out && !o->list)) {
        fputs(help, stderr);
        return -1;
    }
    return 0;
}

static const char *codec(const struct jn_flow *f, char out[static 16])
{
    if (f->known)
        return jn_codec(f->codec)->name;
    snprintf(out, 16, "type %u", f->pt);
    return out;
}

static void list(const struct options *o, const struct jn_flows *fs)
{
    char from[JN_ADDR_TEXT_MAX], to[JN_ADDR_TEXT_MAX], type[16];

    if (o->json)
        fputs("{\"flows\":[", stdout);
    for (unsigned i = 0; i < fs->n; i++) {
        const struct jn_flow *f = &fs->at[i];
        const char *form = o->json ? "%s{\"flow\":%u,\"from\":\"%s\",\"to\":\"%s\",\"ssrc\":%u,\"codec\":\"%s\","
                                     "\"ptime_ms\":%u,\"packets\":%llu,\"ms\":%llu,\"pair\":%d}"
                                   : "%s%3u  %s > %s  ssrc %u  %s %u ms  %llu packets  %llu ms  pair %d\n";
        printf(form, o->json && i > 0 ? "," : "", i + 1, jn_addr_text(&f->from, from), jn_addr_text(&f->to, to),
               f->ssrc, codec(f, type), f->ptime_ms, (unsigned long long)f->packets,
               (unsigned long long)(f->last_ns - f->first_ns) / 1000000, f->pair + 1);
    }
    printf(o->json ? "],\"datagrams\":%llu,\"other\":%llu,\"beyond_room\":%llu,"
                   : "%llu datagrams, %llu of them not RTP, %llu of flows beyond the room for them;\n",
           (unsigned long long)fs->datagrams, (unsigned long long)fs->other, (unsigned long long)fs->too_many);
    printf(o->json ? "\"not_udp\":%llu,\"fragments\":%llu,\"cut\":%llu,\"malformed\":%llu}\n"
                   : "passed over: %llu not UDP, %llu fragments, %llu cut short, %llu malformed\n",
           (unsigned long long)fs->counts.not_udp, (unsigned long long)fs->counts.fragments,
           (unsigned long long)fs->counts.cut, (unsigned long long)fs->counts.malformed);
}

static void print_leg(const struct jn_replay_leg *l, unsigned call, unsigned leg, bool json)
{
    const struct jn_leg_stats *s = &l->stats;
    char peer[JN_ADDR_TEXT_MAX];
    const char *form = json ? "%s{\"call\":%u,\"leg\":%u,\"flow\":%d,\"peer\":\"%s\",\"received\":%llu,\"sent\":%llu,"
                              "\"lost\":%llu,\"late\":%llu,\"duplicate\":%llu,\"concealed\":%llu,\"refused\":%llu,"
                              "\"jitter_us\":%u,\"mos\":%u.%02u}"
                            : "%scall %u leg %u  flow %d  %s  received %llu  sent %llu  lost %llu  late %llu  "
                              "duplicate %llu  concealed %llu  refused %llu  jitter %u us  MOS %u.%02u\n";
    printf(form, json && call + leg > 2 ? "," : "", call, leg, l->flow + 1, jn_addr_text(&l->peer, peer),
           (unsigned long long)s->rx_packets, (unsigned long long)s->tx_packets, (unsigned long long)s->lost,
           (unsigned long long)s->late, (unsigned long long)s->duplicate, (unsigned long long)s->concealed,
           (unsigned long long)(s->dropped_source + s->dropped_auth + s->dropped_replay), s->jitter_us,
           s->mos_x100 / 100u, s->mos_x100 % 100u);
}

static void print_impair(const struct jn_replay_result *r, bool json)
{
    const struct jn_impair_counts *c = &r->impair;

    printf(json ? "],\"impaired\":{\"sent\":%llu,\"lost\":%llu,\"lost_in_burst\":%llu,\"duplicated\":%llu,"
                  "\"reordered\":%llu,\"no_room\":%llu},"
                : "impaired: %llu packets, %llu lost, %llu lost in bursts, %llu doubled, %llu overtaken, "
                  "%llu found no room\n",
           (unsigned long long)c->sent, (unsigned long long)c->lost, (unsigned long long)c->lost_in_burst,
           (unsigned long long)c->duplicated, (unsigned long long)c->delayed_apart,
           (unsigned long long)r->impair_refused);
}

static void print(const struct options *o, const struct jn_replay_result *r, bool torn)
{
    static const char *const why[JN_DROP_N] = JN_DROP_NAMES;
    char id[JN_ID_TEXT_MAX];

    if (o->json)
        fputs("{\"legs\":[", stdout);
    for (unsigned i = 0; i < r->n; i++) {
        for (unsigned k = 0; k < 2; k++)
            print_leg(&r->call[i].leg[k], i + 1, k + 1, o->json);
        if (o->record && !o->json)
            printf("call %u is recorded as %s\n", i + 1, jn_id_text(r->call[i].id, id));
    }
    if (o->impaired)
        print_impair(r, o->json);
    else if (o->json)
        fputs("],", stdout);
    printf(o->json ? "\"delivered\":%llu,\"sent\":%llu,\"digits\":%llu,\"unrouted\":%llu,\"backwards\":%llu,"
                     "\"refused_orders\":%llu,\"torn\":%s,\"drops\":{"
                   : "%llu packets in, %llu out, %llu digits; %llu datagrams of the capture belong to no leg, "
                     "%llu had a time before another's, %llu orders refused%s\n",
           (unsigned long long)r->port.delivered, (unsigned long long)r->plane.tx_packets,
           (unsigned long long)r->digits, (unsigned long long)r->port.unrouted, (unsigned long long)r->port.backwards,
           (unsigned long long)r->refused,
           o->json ? torn ? "true" : "false"
           : torn  ? "; the capture is damaged at its end"
                   : "");
    for (unsigned i = 1, first = 1; i < JN_DROP_N; i++)
        if (r->plane.drops[i]) {
            printf(o->json ? "%s\"%s\":%llu" : "%sdropped, %s: %llu\n", o->json && !first ? "," : "", why[i],
                   (unsigned long long)r->plane.drops[i]);
            first = 0;
        }
    if (o->json)
        puts("}}");
}

static int map_file(const char *path, void **bytes, size_t *n, struct jn_err *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;

    if (fd < 0 || fstat(fd, &st) < 0)
        rc = -errno;
    else if (!S_ISREG(st.st_mode) || st.st_size == 0)
        rc = -EINVAL;
    else if ((*bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0)) == MAP_FAILED)
        rc = -errno;
    else
        *n = (size_t)st.st_size;
    if (fd >= 0)
        close(fd);
    return rc < 0 ? jn_fail(err, rc, "%s: %s", path, rc == -EINVAL ? "no capture" : strerror(-rc)) : 0;
}

static int write_file(const char *path, const struct jn_buf *b, struct jn_err *err)
{
    FILE *f = b->failed ? NULL : fopen(path, "wb");

    if (!f)
        return jn_fail(err, -EIO, "%s: %s", path, b->failed ? "no memory" : strerror(errno));
    bool good = fwrite(b->data, 1, b->len, f) == b->len;
    return fclose(f) == 0 && good ? 0 : jn_fail(err, -EIO, "%s: %s", path, strerror(errno));
}

static int replay(const struct options *o, struct jn_flows *fs, const void *bytes, size_t n, bool torn,
                  struct jn_err *err)
{
    struct jn_replay_result r;
    struct jn_buf out = {0};
    char dir[1024];

    if (snprintf(dir, sizeof dir, "%s/recordings", o->record ? o->record : "") >= (int)sizeof dir)
        return jn_fail(err, -ENAMETOOLONG, "the name is too long");
    if (o->record && ((mkdir(o->record, 0750) < 0 && errno != EEXIST) || (mkdir(dir, 0750) < 0 && errno != EEXIST)))
        return jn_fail(err, -errno, "%s: %s", dir, strerror(errno));
    struct jn_replay_media m = {.flows = fs,
                                .bytes = bytes,
                                .n = n,
                                .out = &out,
                                .record = o->record ? dir : NULL,
                                .seed = o->seed,
                                .mix = o->mix,
                                .keys = o->key,
                                .keys_n = o->keys,
                                .impair = o->impaired ? &o->impair : NULL};
    int rc = jn_replay_media(&r, &m, err);
    if (rc == 0)
        rc = write_file(o->out, &out, err);
    if (rc == 0)
        print(o, &r, torn);
    if (rc == 0 && r.refused)
        rc = jn_fail(err, -EBUSY, "%llu orders were refused: more calls at once than fit",
                     (unsigned long long)r.refused);
    jn_replay_result_free(&r);
    jn_buf_free(&out);
    return rc;
}

int jn_cmd_replay_pcap(int argc, char *argv[])
{
    static struct options o = {.seed = 1};
    struct jn_flows flows = {0};
    struct jn_err err = {0};
    void *bytes = NULL;
    size_t n = 0;
    bool torn = false;

    int rc = parse(&o, argc, argv);
    if (rc)
        return rc > 0 ? 0 : 2;
    if (o.impair.seed == 0)
        o.impair.seed = o.seed;
    jn_log_level_set(JN_LOG_WARN);
    rc = map_file(o.in, &bytes, &n, &err);
    if (rc == 0)
        rc = jn_flows_find(&flows, bytes, n, o.keys ? SRTP_TAG : 0, &torn, &err);
    for (unsigned i = 0; rc == 0 && i < o.pairs; i++)
        if (jn_flows_pair(&flows, o.pair[i][0], o.pair[i][1]) < 0)
            rc = jn_fail(&err, -EINVAL, "--pair %u,%u: the capture has flows 1 to %u", o.pair[i][0] + 1,
                         o.pair[i][1] + 1, flows.n);
    if (rc == 0 && o.list)
        list(&o, &flows);
    else if (rc == 0)
        rc = replay(&o, &flows, bytes, n, torn, &err);
    if (rc < 0)
        fprintf(stderr, "junctor replay: %s\n", err.text);
    jn_flows_free(&flows);
    if (n)
        munmap(bytes, n);
    explicit_bzero(o.key, sizeof o.key);
    return rc < 0 ? 1 : 0;
}
