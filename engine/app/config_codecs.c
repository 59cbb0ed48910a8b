/* Config codecs: which codecs are spoken, in which order, how Opus encodes, and which SRTP suites SDES may choose. */
#include "engine/app/config_check.h"
#include "media/codec/codec.h"
#include "media/srtp/srtp.h"
#include <string.h>
#include <strings.h>

#define ITEMS(a) (sizeof(a) / sizeof *(a))
#define U(member, low, high)                                                                                           \
    .kind = JN_FIELD_UINT, JN_FIELD(struct jn_codec_profile, member), .min = (low), .max = (high)
#define B(member) .kind = JN_FIELD_BOOL, JN_FIELD(struct jn_codec_profile, member)

/* 48 kbit/s: 60 ms of it are 360 bytes, so that the peaks of a variable rate fit into JN_CODEC_BYTES_MAX too. */
static const struct jn_field opus_fields[] = {
    {.name = "bitrate", U(bitrate, 6000, 48000)},
    {.name = "complexity", U(complexity, 0, 10)},
    {.name = "loss", U(loss_percent, 0, 50)},
    {.name = "fec", B(fec)},
    {.name = "dtx", B(dtx)},
};

static uint8_t by_name(const char *name)
{
    uint8_t id = 0;

    while (id < JN_CODEC_N && strcasecmp(jn_codec(id)->name, name) != 0)
        id++;
    return id;
}

static void one(struct jn_check *c, struct jn_sdp_codecs *out, const struct jn_yaml *node, const char *path)
{
    uint8_t id = by_name(node->text);

    if (id == JN_CODEC_N)
        jn_problem(c->problems, c->file, node->line, path, "\"%.40s\" is no codec: there are PCMU, PCMA, G722 and opus",
                   node->text);
    else if (memchr(out->codec, id, out->n))
        jn_problem(c->problems, c->file, node->line, path, "\"%.40s\" is there twice", node->text);
    else
        out->codec[out->n++] = id;
}

static void read_list(struct jn_check *c, struct jn_sdp_codecs *out, const struct jn_yaml *list)
{
    char path[JN_CHECK_PATH];
    unsigned i = 0;

    if (!list || !jn_check_kind(c, list, "media.codecs", JN_YAML_LIST))
        return;
    if (!list->count)
        jn_problem(c->problems, c->file, list->line, "media.codecs", "is empty: at least one codec is needed");
    out->n = 0;
    out->in_order = true;
    for (const struct jn_yaml *s = list->first; s; s = s->next) {
        jn_path_item(path, "media.codecs", i++);
        if (jn_check_kind(c, s, path, JN_YAML_SCALAR))
            one(c, out, s, path);
    }
}

static void one_suite(struct jn_check *c, struct jn_sdp_codecs *out, const struct jn_yaml *node, const char *path)
{
    uint8_t suite = (uint8_t)jn_srtp_suite_of(node->text, strlen(node->text));

    if (suite == JN_SUITE_NONE)
        jn_problem(
            c->problems, c->file, node->line, path,
            "\"%.40s\" is no SRTP suite: there are AES_CM_128_HMAC_SHA1_80 and _32, AES_192_CM_..., AES_256_CM_..., "
            "AEAD_AES_128_GCM and AEAD_AES_256_GCM",
            node->text);
    else if (memchr(out->suite, suite, out->suites))
        jn_problem(c->problems, c->file, node->line, path, "\"%.40s\" is there twice", node->text);
    else
        out->suite[out->suites++] = suite;
}

static void read_suites(struct jn_check *c, struct jn_sdp_codecs *out, const struct jn_yaml *list)
{
    char path[JN_CHECK_PATH];
    unsigned i = 0;

    if (!list || !jn_check_kind(c, list, "media.srtp_suites", JN_YAML_LIST))
        return;
    if (!list->count)
        jn_problem(c->problems, c->file, list->line, "media.srtp_suites", "is empty: at least one suite is needed");
    memset(out->suite, 0, sizeof out->suite);
    out->suites = 0;
    for (const struct jn_yaml *s = list->first; s; s = s->next) {
        jn_path_item(path, "media.srtp_suites", i++);
        if (jn_check_kind(c, s, path, JN_YAML_SCALAR))
            one_suite(c, out, s, path);
    }
}

void jn_config_codecs(struct jn_check *c, struct jn_sdp_codecs *out, const struct jn_yaml *media)
{
    bool noise = out->cn, inband = out->inband;
    const struct jn_yaml *opus = jn_yaml_get(media, "opus");

    *out = jn_sdp_codecs_all;
    out->cn = noise;
    out->inband = inband;
    read_list(c, out, jn_yaml_get(media, "codecs"));
    read_suites(c, out, jn_yaml_get(media, "srtp_suites"));
    if (opus)
        jn_check_fields(c, opus, "media.opus", opus_fields, ITEMS(opus_fields), &out->opus);
}
