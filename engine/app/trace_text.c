/* Trace, the ladder: Junctor and its peers as columns, time downwards, an arrow for each message; then what was seen of
 * each leg's media. */
#include "engine/app/trace.h"
#include "engine/base/id.h"
#include "media/codec/codec.h"
#include "media/srtp/srtp.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { PEERS = 7, WIDE = 26, LEFT = 18, LINE = LEFT + (PEERS + 1) * WIDE, LOOK_BACK = 64 };

/* peer[0] stands left of Junctor, the others right of it, in order of their first message. */
struct ladder {
    struct jn_addr peer[PEERS];
    unsigned n;
    bool more; /* a peer that found no column shares the last one */
};

static unsigned peer_of(struct ladder *l, const struct jn_addr *a)
{
    for (unsigned i = 0; i < l->n; i++)
        if (jn_addr_equal(&l->peer[i], a))
            return i;
    if (l->n == PEERS) {
        l->more = true;
        return PEERS - 1;
    }
    l->peer[l->n] = *a;
    return l->n++;
}

/* Where a peer's line is; Junctor's is the second. */
static unsigned column(unsigned peer)
{
    return LEFT + (peer == 0 ? 0 : peer + 1) * WIDE;
}

static void add_line(struct jn_buf *out, char line[static LINE])
{
    size_t n = LINE;

    while (n > 0 && line[n - 1] == ' ')
        n--;
    jn_buf_add(out, line, n);
    jn_buf_text(out, "\n");
}

static void place(char line[static LINE], unsigned middle, const char *text)
{
    size_t n = strlen(text), from = middle > n / 2 ? middle - n / 2 : 0;

    if (from + n > LINE)
        n = LINE - from;
    memcpy(line + from, text, n);
}

static void heads(struct jn_buf *out, const struct ladder *l)
{
    char line[LINE], text[JN_ADDR_TEXT_MAX];

    memset(line, ' ', sizeof line);
    place(line, LEFT + WIDE, "Junctor");
    for (unsigned i = 0; i < l->n; i++) {
        jn_addr_text(&l->peer[i], text);
        if (strlen(text) > WIDE - 2)
            jn_addr_ip_text(&l->peer[i], text);
        text[WIDE - 2] = 0;
        place(line, column(i), l->more && i == PEERS - 1 ? "others" : text);
    }
    add_line(out, line);
}

/* "INVITE (SDP)", "200 OK (INVITE, SDP)" */
static void label(char *out, size_t size, const struct jn_trace_record *r, bool again)
{
    char first[80] = "", method[24] = "";
    const char *end = memchr(r->text, '\r', r->text_len), *sdp = memmem(r->text, r->text_len, "\nv=0", 4);
    const char *cseq = memmem(r->text, r->text_len, "\nCSeq:", 6);
    size_t n = end ? (size_t)(end - r->text) : r->text_len;

    jn_copy_n(first, sizeof first, r->text, n < sizeof first ? n : sizeof first - 1);
    if (cseq) {
        size_t left = r->text_len - (size_t)(cseq + 6 - r->text);
        for (cseq += 6; left > 0 && (*cseq == ' ' || (*cseq >= '0' && *cseq <= '9')); left--)
            cseq++;
        size_t m = strspn(cseq, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        jn_copy_n(method, sizeof method, cseq, m < left ? m : left);
    }
    if (strncmp(first, "SIP/2.0 ", 8) == 0) {
        snprintf(out, size, " %.40s (%s%s)%s ", first + 8, method, sdp ? ", SDP" : "", again ? " again" : "");
    } else {
        first[strcspn(first, " ")] = 0;
        snprintf(out, size, " %.20s%s%s ", first, sdp ? " (SDP)" : "", again ? " again" : "");
    }
}

static bool seen_before(const struct jn_trace *t, size_t at)
{
    const struct jn_trace_record *r = &t->at[at];

    for (size_t back = 1; back <= LOOK_BACK && back <= at; back++) {
        const struct jn_trace_record *x = &t->at[at - back];
        if (x->kind == JN_TRACE_MESSAGE && x->sent == r->sent && x->text_len == r->text_len &&
            jn_addr_equal(&x->peer, &r->peer) && memcmp(x->text, r->text, r->text_len) == 0)
            return true;
    }
    return false;
}

static void stamp(char out[static 32], uint64_t at_us)
{
    time_t s = (time_t)(at_us / 1000000);
    struct tm tm = {0};

    gmtime_r(&s, &tm);
    snprintf(out, 32, "%02d:%02d:%02d.%06u", tm.tm_hour % 24, tm.tm_min % 60, tm.tm_sec % 61,
             (unsigned)(at_us % 1000000));
}

static void arrow(struct jn_buf *out, const struct ladder *l, const struct jn_trace *t, size_t at, unsigned peer)
{
    const struct jn_trace_record *r = &t->at[at];
    unsigned a = LEFT + WIDE, b = column(peer), left = a < b ? a : b, right = a < b ? b : a;
    bool rightwards = r->sent == (b > a);
    char line[LINE], text[96], at_time[32];

    memset(line, ' ', sizeof line);
    line[LEFT + WIDE] = '|';
    for (unsigned i = 0; i < l->n; i++)
        line[column(i)] = '|';
    stamp(at_time, r->at_us);
    memcpy(line, at_time, strlen(at_time));
    memset(line + left + 1, '-', right - left - 1);
    line[rightwards ? right - 1 : left + 1] = rightwards ? '>' : '<';
    label(text, sizeof text, r, seen_before(t, at));
    if (strlen(text) > WIDE - 4) /* beside Junctor's own part of a long arrow there is no more room */
        text[right - left - 4 < strlen(text) ? right - left - 4 : strlen(text)] = 0;
    place(line, (left + right) / 2, text);
    add_line(out, line);
}

static const char *agent_name(const struct jn_trace_record *r, const struct jn_directory *dir)
{
    const struct jn_dir_agent *a = r->agent && dir ? jn_dir_agent(dir, r->agent) : NULL;
    return a ? a->name : "";
}

static void media(struct jn_buf *out, const struct jn_trace_record *r, const struct jn_directory *dir)
{
    const struct jn_codec_ops *codec = jn_codec(r->codec);
    const char *suite = r->suite < JN_SUITE_N ? jn_srtp_suite_name((enum jn_srtp_suite)r->suite) : NULL;
    char local[JN_ADDR_TEXT_MAX], peer[JN_ADDR_TEXT_MAX];

    jn_buf_printf(out, "media %s%s%s: %s %s, %s <-> %s, worker %u\n", jn_trace_side(r), *agent_name(r, dir) ? " " : "",
                  agent_name(r, dir), codec ? codec->name : "?", suite ? suite : "plain RTP",
                  jn_addr_text(&r->local, local), jn_addr_text(&r->peer, peer), r->worker);
    jn_trace_stats_text(out, &r->stats);
}

static void trouble(struct jn_buf *out, const struct jn_trace_record *r)
{
    static const char *const names[] = {"nothing comes any more", "reports that nothing reaches it",
                                        "packets come, nothing is heard"};
    char at[32];

    stamp(at, r->at_us);
    jn_buf_printf(out, "%s %s: %s%s\n", at, jn_trace_side(r), r->what < JN_TROUBLE_N ? names[r->what] : "?",
                  r->on ? "" : ": over");
}

/* "4.21", or that nobody knows. */
static const char *score(char out[static 8], unsigned x100)
{
    if (x100 == 0)
        return "unknown";
    snprintf(out, 8, "%u.%02u", x100 / 100 % 10, x100 % 100);
    return out;
}

void jn_trace_stats_text(struct jn_buf *out, const struct jn_leg_stats *s)
{
    char heard[8], remote[8];

    jn_buf_printf(out,
                  "  received %llu, sent %llu, lost %llu, late %llu, duplicate %llu, concealed %llu, refused %llu, "
                  "jitter %u.%u ms, round trip %u ms, the peer lost %u, MOS %s, at the peer %s\n",
                  (unsigned long long)s->rx_packets, (unsigned long long)s->tx_packets, (unsigned long long)s->lost,
                  (unsigned long long)s->late, (unsigned long long)s->duplicate, (unsigned long long)s->concealed,
                  (unsigned long long)(s->dropped_source + s->dropped_auth + s->dropped_replay), s->jitter_us / 1000,
                  s->jitter_us / 100 % 10, s->rtt_us / 1000, s->remote_lost, score(heard, s->mos_x100),
                  score(remote, s->remote_mos_x100));
    if (s->burst_density)
        jn_buf_printf(out, "  losses: %u %% lost in bursts of %u ms, %u %% in gaps of %u ms\n",
                      s->burst_density * 100u / 256, s->burst_ms, s->gap_density * 100u / 256, s->gap_ms);
}

void jn_trace_text(struct jn_buf *out, const struct jn_trace *t, const struct jn_directory *dir)
{
    struct ladder l = {0};
    char id[JN_ID_TEXT_MAX], day[16] = "";
    size_t messages = 0;

    for (size_t i = 0; i < t->n; i++) {
        if (t->at[i].kind == JN_TRACE_MESSAGE) {
            peer_of(&l, &t->at[i].peer);
            messages++;
        }
    }
    time_t s = t->n ? (time_t)(t->at[0].at_us / 1000000) : 0;
    struct tm tm = {0};
    if (gmtime_r(&s, &tm))
        strftime(day, sizeof day, "%Y-%m-%d", &tm);
    jn_buf_printf(out, "call %s, %s UTC, %zu messages\n", jn_id_text(t->ix, id), day, messages);
    for (size_t i = 0; i < t->n; i++) {
        const struct jn_trace_record *r = &t->at[i];
        if (r->kind == JN_TRACE_LEG)
            jn_buf_printf(out, "%s%s%s: Call-ID %.*s\n", jn_trace_side(r), *agent_name(r, dir) ? " " : "",
                          agent_name(r, dir), (int)r->call_id_len, r->call_id);
    }
    jn_buf_text(out, "\n");
    heads(out, &l);
    for (size_t i = 0; i < t->n; i++)
        if (t->at[i].kind == JN_TRACE_MESSAGE)
            arrow(out, &l, t, i, peer_of(&l, &t->at[i].peer));
    jn_buf_text(out, "\n");
    for (size_t i = 0; i < t->n; i++)
        if (t->at[i].kind == JN_TRACE_MEDIA)
            media(out, &t->at[i], dir);
    for (size_t i = 0; i < t->n; i++)
        if (t->at[i].kind == JN_TRACE_TROUBLE)
            trouble(out, &t->at[i]);
    if (t->left_out)
        jn_buf_printf(out, "%llu more are not shown\n", (unsigned long long)t->left_out);
}
