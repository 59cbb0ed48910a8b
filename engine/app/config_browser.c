/* Config: media.browser, browsers as parties of calls. */
#include "engine/app/config_check.h"

#define ITEMS(a)  (sizeof(a) / sizeof *(a))
#define F(member) JN_FIELD(struct jn_config_browser, member)

static const struct jn_field fields[] = {
    {.name = "enabled", .kind = JN_FIELD_BOOL, F(enabled)},
    {.name = "max_legs", .kind = JN_FIELD_UINT, F(max_legs), .min = 1, .max = 100000},
    {.name = "certificate", .kind = JN_FIELD_S, F(certificate_s), .min = 86400000, .max = 366 * 86400000ull},
};

void jn_config_browser(struct jn_check *c, struct jn_config *out, const struct jn_yaml *at)
{
    const struct jn_sdp_codecs *allowed = &out->codecs;
    bool fits = false;

    if (at)
        jn_check_fields(c, at, "media.browser", fields, ITEMS(fields), &out->browser);
    for (unsigned i = 0; i < allowed->suites; i++)
        fits |= allowed->suite[i] == JN_SUITE_AES128_SHA80 || allowed->suite[i] == JN_SUITE_GCM128 ||
                allowed->suite[i] == JN_SUITE_GCM256;
    if (out->browser.enabled && allowed->suites > 0 && !fits)
        jn_problem(c->problems, c->file, at ? at->line : 0, "media.browser.enabled",
                   "browsers know none of media.srtp_suites: it must have AEAD_AES_128_GCM, AEAD_AES_256_GCM or "
                   "AES_CM_128_HMAC_SHA1_80, or this must be false");
}
