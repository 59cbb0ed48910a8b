/* Link: what a leg's worker and its room's home say to each other, by one ring each way (link.c). */
#ifndef JN_MEDIA_STREAM_LINK_H
#define JN_MEDIA_STREAM_LINK_H

#include "media/codec/vad.h"
#include "media/jbuf/jbuf.h"
#include <stdint.h>

enum jn_link_kind {
    JN_LINK_IN,     /* leg's worker to home: a received frame */
    JN_LINK_OUT,    /* home to leg's worker: a frame to send */
    JN_LINK_MORE,   /* home to leg's worker: the last frame of this link to more legs of its room, len of them */
    JN_LINK_FORMAT, /* leg's worker to home: codec, packet time, mode */
    JN_LINK_HELLO,  /* home to leg's worker: tell me the format */
    JN_LINK_LEAVE,  /* leg's worker to home: the leg is gone */
    JN_LINK_GONE,   /* home to leg's worker: the room is gone */
    JN_LINK_STATS   /* home to leg's worker: what the jitter buffer counted since the last one */
};
/* The port half is told the first three; the others stay with the plane that mixes. */
struct jn_link_stats {
    uint32_t late, duplicate, concealed, stretched, shrunk, resynced, skipped, undecoded;
};
/* Who hears a frame, when on its time line. */
struct jn_link_listener {
    uint64_t leg;
    uint32_t ts, tag;
};
enum { JN_LINK_LISTENERS = JN_FRAME_MAX / sizeof(struct jn_link_listener) };
struct jn_link_msg {
    uint64_t leg, room, ext_seq, at_ns;
    uint32_t ts, ssrc, tag;
    uint16_t len, units;
    uint8_t kind, from, cls, codec, restarts, level, marker, relayed, ptime_ms, mode;
    struct jn_vad_level loud;
    struct jn_jbuf_line line;
    union {
        uint8_t payload[JN_FRAME_MAX];
        struct jn_link_stats stats;
        struct jn_codec_profile profile;
        struct jn_link_listener to[JN_LINK_LISTENERS];
    };
};
/* At home: the last frame that went over a link, and who is to hear it beside; open: others may. */
struct jn_link_group {
    struct jn_link_msg frame, more;
    bool open;
};

struct jn_plane;
struct jn_leg;
struct jn_voice;
struct jn_out;
/* link.c: frames from worker to worker. */
bool jn_link_send(struct jn_plane *p, unsigned to, struct jn_link_msg *m);
void jn_link_send_kept(struct jn_plane *p, unsigned to, struct jn_link_msg *m);
bool jn_link_keep(struct jn_plane *p, unsigned to);
void jn_link_unkeep(struct jn_plane *p, unsigned to);
void jn_link_format(struct jn_plane *p, struct jn_leg *l);
void jn_link_hello(struct jn_plane *p, struct jn_voice *v);
/* A frame to the port half of v. Listeners of the same mix who follow one another share one frame. */
void jn_link_out(struct jn_plane *p, const struct jn_voice *v, const struct jn_out *o);
/* Tells of the listeners that still wait. */
void jn_links_flush(struct jn_plane *p);

#endif
