#include "engine/sip/number.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(number, .timeout = 60);

static const struct jn_dir_trunk german = {.country = "49", .international = "00", .national = "0"},
                                 american = {.country = "1", .international = "011", .national = "1"},
                                 danish = {.country = "45", .international = "00"}, silent = {.name = "silent"};

static const char *e164(const char *text, const struct jn_dir_trunk *t, bool *is)
{
    static char out[JN_NUMBER_MAX];

    *is = jn_number_e164(out, text, t);
    return out;
}

Test(number, what_carriers_write_becomes_e164)
{
    static const struct {
        const char *text, *want;
        const struct jn_dir_trunk *t;
        bool is;
    } cases[] = {
        {"+49301234", "+49301234", &german, true},
        {"+49 (30) 12-34", "+49301234", &german, true},
        {"0049301234", "+49301234", &german, true},
        {"0301234", "+49301234", &german, true},
        {"0033140205050", "+33140205050", &german, true},
        {"493012345678", "+493012345678", &german, true},
        {"+4930123;phone-context=x", "+4930123", &german, true},
        {"01144207946000", "+44207946000", &american, true},
        {"12125550123", "+12125550123", &american, true},
        {"33123456", "+4533123456", &danish, true},
        {"+4533123456", "+4533123456", &silent, true},
        {"+4533123456", "+4533123456", NULL, true},
        {"0301234", "0301234", &silent, false},
        {"0301234", "0301234", NULL, false},
        {"300", "300", &german, false},
        {"anna", "anna", &german, false},
        {"sales-7", "sales-7", &german, false},
        {"+1234567890123456", "+1234567890123456", &german, false},
        {"+0301234", "+0301234", &german, false},
        {"+12", "+12", &german, false},
        {"0+49301234", "0+49301234", &german, false},
        {"00", "00", &german, false},
        {"", "", &german, false},
        {"+", "+", &german, false},
        {"1234567890123456789012345678901234567890", "", &german, false},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool is;
        const char *out = e164(cases[i].text, cases[i].t, &is);

        cr_expect_str_eq(out, cases[i].want, "\"%s\" became \"%s\"", cases[i].text, out);
        cr_expect_eq(is, cases[i].is, "\"%s\"", cases[i].text);
    }
}

Test(number, a_trunk_gets_numbers_as_it_wants_them_and_they_come_back_the_same)
{
    static const struct {
        const char *number, *want;
        enum jn_dial dial;
    } cases[] = {
        {"+49301234", "+49301234", JN_DIAL_E164},
        {"+49301234", "0301234", JN_DIAL_NATIONAL},
        {"+33140205050", "0033140205050", JN_DIAL_NATIONAL},
        {"+49301234", "0049301234", JN_DIAL_INTERNATIONAL},
        {"+49301234", "49301234", JN_DIAL_PLAIN},
        {"110", "110", JN_DIAL_NATIONAL},
        {"*31#", "*31#", JN_DIAL_INTERNATIONAL},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct jn_dir_trunk t = german;
        char out[JN_NUMBER_MAX], back[JN_NUMBER_MAX];

        t.dial = (uint8_t)cases[i].dial;
        cr_assert(jn_number_dial(out, cases[i].number, &t));
        cr_expect_str_eq(out, cases[i].want, "%s", out);
        if (cases[i].dial == JN_DIAL_PLAIN)
            continue; /* too short to tell from a national one */
        jn_number_e164(back, out, &t);
        cr_expect_str_eq(back, cases[i].number, "%s", back);
    }
    struct jn_dir_trunk t = {.international = "0123456", .dial = JN_DIAL_INTERNATIONAL};
    char out[JN_NUMBER_MAX];
    cr_expect_not(jn_number_dial(out, "+1234567890123456789012345678", &t), "what does not fit is not cut");
}

Test(number, the_first_number_of_a_header_is_found)
{
    static const struct {
        const char *value, *want;
    } cases[] = {
        {"\"Anna \\\"<sip:9@x>\" <sip:+49301@c.example;user=phone>", "+49301"},
        {"<tel:+49301;phone-context=x>, <sip:b@y>", "+49301"},
        {"<sip:c.example>, <sip:+49302@c.example>", "+49302"},
        {"sip:+49303@c.example;reason=unconditional", "+49303"},
        {"<sips:%2B4930%34@c.example>", "+49304"},
        {"<sip:+49305;npdi@c.example>;index=1", "+49305"},
        {"<sip:anna:word@c.example>", "anna"},
        {"<mailto:a@b>", NULL},
        {"<sip:a%0d%0aX@b>", NULL},
        {"<sip:a%3@b>", NULL},
        {"<sip:@b>", NULL},
        {"<sip:a@b", NULL},
        {"\"never ends <sip:a@b>", NULL},
        {"", NULL},
        {",;,", NULL},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[32];
        bool found = jn_number_of_header(out, sizeof out, cases[i].value);

        cr_expect_eq(found, cases[i].want != NULL, "%s", cases[i].value);
        cr_expect_str_eq(out, cases[i].want ? cases[i].want : "", "%s", cases[i].value);
    }
    char small[4];
    cr_expect_not(jn_number_of_header(small, sizeof small, "<sip:1234@b>"), "what does not fit is not cut");
}

Test(number, privacy_is_asked_for_by_id_user_or_header)
{
    cr_expect(jn_number_private("id"));
    cr_expect(jn_number_private("header;id"));
    cr_expect(jn_number_private("USER"));
    cr_expect(jn_number_private("critical; id"));
    cr_expect_not(jn_number_private("none"));
    cr_expect_not(jn_number_private("none;id"));
    cr_expect_not(jn_number_private("identity"));
    cr_expect_not(jn_number_private("session"));
    cr_expect_not(jn_number_private(""));
}
