/* Flow: a two-party call whose frames go straight on, and the turns between that and a mix. On the way into a mix the
 * last frames are followed, so that the mix goes on in the middle of a word; on the way out what waits is played to its
 * end, so that the next frame follows what was heard last. Each direction turns by itself. */
#include "media/codec/codec.h"
#include "media/stream/state.h"

enum {
    CALM = 5,        /* periods before a mix becomes a relay */
    FOLLOWED = 400,  /* samples that are followed: what concealment and pitch search look back at */
    FOLLOW_MS = 100, /* a sender that says so little in that time has its silence */
    PAUSE_DB = 50,   /* below the largest: nobody speaks */
    HURRY_MS = 2000  /* what could not be taken out until then is said at once */
};

static struct jn_voice *member(const struct jn_plane *p, const struct jn_room *r, unsigned i)
{
    return &p->voice[r->member[i]];
}

static bool straight(const struct jn_voice *v)
{
    return v->flow == JN_FLOW_STRAIGHT || v->flow == JN_FLOW_TO_MIX;
}

bool jn_flow_can_relay(const struct jn_plane *p, const struct jn_room *r)
{
    if (r->n != 2 || jn_play_any(r))
        return false;
    const struct jn_voice *a = member(p, r, 0), *b = member(p, r, 1);
    return a->format_known && b->format_known && a->codec == b->codec && a->ptime_ms == b->ptime_ms &&
           jn_seat_reaches(a, b) && jn_seat_reaches(b, a) && a->gain == JN_UNITY && b->gain == JN_UNITY;
}

static void set(struct jn_room *r, struct jn_voice *v, enum jn_flow flow)
{
    r->turns += (uint32_t)(flow != JN_FLOW_MIX) - (uint32_t)(v->flow != JN_FLOW_MIX);
    v->flow = (uint8_t)flow;
}

static void mix(struct jn_plane *p, struct jn_room *r, struct jn_voice *v)
{
    set(r, v, JN_FLOW_MIX);
    p->counts.turns_to_mix++;
}

/* At once: what comes next waits in an empty jitter buffer. */
static void cut(struct jn_plane *p, struct jn_room *r, struct jn_voice *v)
{
    mix(p, r, v);
    jn_seat_leave(p, r, v);
}

static void turn_to_mix(struct jn_plane *p, struct jn_room *r, struct jn_voice *v, uint64_t now_ns)
{
    const struct jn_voice *to = &p->voice[v->peer];

    if (v->flow == JN_FLOW_TO_STRAIGHT) {
        set(r, v, JN_FLOW_MIX);
        jn_jbuf_go_on(v->jb);
        return;
    }
    if (!jn_seat_reaches(v, to) || to->codec != v->codec || to->ptime_ms != v->ptime_ms ||
        now_ns > v->last_in_ns + FOLLOW_MS * NS_PER_MS) {
        cut(p, r, v);
        return;
    }
    if (v->flow == JN_FLOW_STRAIGHT) {
        if (!jn_seat_take(p, r, v, NULL)) {
            cut(p, r, v);
            return;
        }
        set(r, v, JN_FLOW_TO_MIX);
        v->turn_ns = now_ns;
        v->followed = 0;
        jn_jbuf_follow_begin(v->jb);
    }
}

void jn_flow_changed(struct jn_plane *p, struct jn_room *r, uint64_t now_ns)
{
    bool can = jn_flow_can_relay(p, r);

    r->calm = 0;
    r->relay = can;
    for (unsigned i = 0; i < r->n; i++) {
        struct jn_voice *v = member(p, r, i);
        if (v->flow == JN_FLOW_TO_MIX && can) { /* as it was */
            set(r, v, JN_FLOW_STRAIGHT);
            jn_relay_aim(p, v);
            jn_seat_leave(p, r, v);
        } else if (v->flow != JN_FLOW_MIX && !can) {
            turn_to_mix(p, r, v, now_ns);
        }
        r->relay = r->relay && v->flow == JN_FLOW_STRAIGHT;
    }
}

void jn_flow_left(struct jn_plane *p, struct jn_room *r, const struct jn_voice *v)
{
    for (unsigned i = 0; r->turns > 0 && i < r->n; i++) {
        struct jn_voice *s = member(p, r, i);
        if (s != v && s->flow != JN_FLOW_MIX && &p->voice[s->peer] == v)
            cut(p, r, s);
    }
    r->turns -= v->flow != JN_FLOW_MIX;
}

/* At 8 kHz. */
static uint32_t samples_of(const struct jn_in *in)
{
    const struct jn_codec_ops *ops = jn_codec(in->codec);
    int units = in->cls == JN_CLASS_AUDIO ? ops->duration(in->payload, in->len) : 0;

    return units > 0 ? (uint32_t)units / (ops->clock / 8000) : 0;
}

static void relay(struct jn_plane *p, struct jn_voice *v, const struct jn_in *in, uint64_t now_ns)
{
    struct jn_out o = {.ext_seq = in->ext_seq,
                       .ts = in->ts,
                       .tag = JN_TAG_RELAY | ((uint32_t)(v - p->voice) << 8 & ~JN_TAG_RELAY) | in->restarts,
                       .len = in->len,
                       .cls = in->cls,
                       .marker = in->marker,
                       .relayed = true,
                       .line = v->line,
                       .payload = in->payload,
                       .pk = v->flow == JN_FLOW_STRAIGHT ? in->pk : NULL}; /* else the frame is read once more */

    jn_voice_out(p, &p->voice[v->peer], &o, now_ns);
}

bool jn_flow_in(struct jn_plane *p, struct jn_voice *v, const struct jn_in *in, uint64_t now_ns)
{
    if (in->cls != JN_CLASS_DTMF && straight(v) && in->restarts != v->restarts) {
        v->restarts = in->restarts;
        v->line.known = false;
        v->followed = 0;
        if (v->flow == JN_FLOW_TO_MIX)
            jn_jbuf_follow_begin(v->jb);
    }
    v->last_ext = in->ext_seq > v->last_ext || in->restarts != v->restarts ? in->ext_seq : v->last_ext;
    v->last_in_ns = now_ns;
    if (!straight(v))
        return false;
    relay(p, v, in, now_ns);
    if (v->flow == JN_FLOW_STRAIGHT || in->cls == JN_CLASS_DTMF)
        return true;
    struct jn_frame f = jn_frame_of(in);
    jn_jbuf_follow(v->jb, &f);
    v->followed += samples_of(in);
    if (v->followed >= FOLLOWED)
        mix(p, &p->room[v->room], v);
    return true;
}

bool jn_flow_fed(struct jn_plane *p, const struct jn_room *r)
{
    for (unsigned i = 0; r->turns > 0 && i < r->n; i++) {
        const struct jn_voice *v = member(p, r, i);
        if (v->flow != JN_FLOW_MIX)
            p->voice[v->peer].fed |= UINT32_C(1) << (v->seat == JN_NO_SEAT ? JN_SEATS : v->seat);
    }
    return r->turns > 0;
}

void jn_flow_unfed(struct jn_plane *p, const struct jn_room *r)
{
    for (unsigned i = 0; i < r->n; i++)
        member(p, r, i)->fed = 0;
}

static void straight_now(struct jn_plane *p, struct jn_room *r, struct jn_voice *v)
{
    set(r, v, JN_FLOW_STRAIGHT);
    jn_relay_aim(p, v);
    jn_seat_leave(p, r, v);
    p->counts.turns_to_relay++;
    p->voice[v->peer].epoch++;
    if (v->last_ext >= v->line.ext_seq) /* digits have numbers too */
        v->line.ext_seq = v->last_ext + 1;
}

/* The last of what waits goes to the peer; then the frames go straight. */
static void end(struct jn_plane *p, struct jn_room *r, struct jn_voice *v, uint64_t now_ns)
{
    struct jn_voice *to = &p->voice[v->peer];
    bool hurry = now_ns > v->turn_ns + HURRY_MS * NS_PER_MS;
    int16_t pcm[JN_FRAME_MAX];
    uint8_t bytes[JN_FRAME_MAX];
    unsigned n;

    bool over = jn_jbuf_end(v->jb, pcm, &n, &v->line, hurry, now_ns);
    if (n > 0 && jn_leg_may_send(to->mode)) {
        jn_codec_encode((enum jn_codec_id)to->codec, bytes, pcm, n);
        struct jn_out o = {.ts = jn_mix_ts(to, now_ns),
                           .tag = jn_mix_tag(p, to),
                           .len = (uint16_t)n,
                           .units = (uint16_t)n,
                           .payload = bytes};
        jn_voice_out(p, to, &o, now_ns);
        p->counts.mixed++;
    }
    to->spared += JN_TICK_SAMPLES - n;
    if (!over)
        return;
    straight_now(p, r, v);
}

/* The last samples of a codec with frames or a state cannot be sent as a shorter packet: it turns in a pause, where
 * what waits is not missed. */
static bool may_turn(const struct jn_voice *v)
{
    return v->codec <= JN_CODEC_PCMA || !v->jb || v->level > PAUSE_DB;
}

/* Nothing waits of who has said nothing. */
static void turn_to_straight(struct jn_plane *p, struct jn_room *r, struct jn_voice *v, uint64_t now_ns)
{
    v->peer = r->member[r->member[0] == (uint32_t)(v - p->voice)];
    v->turn_ns = now_ns;
    v->line.known = false;
    if (v->jb && v->codec <= JN_CODEC_PCMA)
        set(r, v, JN_FLOW_TO_STRAIGHT);
    else
        straight_now(p, r, v);
}

void jn_flow_tick(struct jn_plane *p, struct jn_room *r, uint64_t now_ns)
{
    for (unsigned i = 0; r->turns > 0 && i < r->n; i++) {
        struct jn_voice *v = member(p, r, i);
        if (v->flow == JN_FLOW_TO_STRAIGHT)
            end(p, r, v, now_ns);
        else if (v->flow == JN_FLOW_TO_MIX && now_ns > v->turn_ns + FOLLOW_MS * NS_PER_MS)
            mix(p, r, v);
    }
    if (!jn_flow_can_relay(p, r)) {
        r->calm = 0;
        return;
    }
    if (r->calm < CALM) {
        r->calm++;
        return;
    }
    bool all = true;
    for (unsigned i = 0; i < r->n; i++) {
        struct jn_voice *v = member(p, r, i);
        if (v->flow == JN_FLOW_MIX && may_turn(v))
            turn_to_straight(p, r, v, now_ns);
        all = all && v->flow == JN_FLOW_STRAIGHT;
    }
    r->relay = all;
}
