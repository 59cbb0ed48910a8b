#include "engine/app/config.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite(config, .timeout = 60);

static int parse(struct jn_config *c, const char *text, struct jn_problems *p)
{
    return jn_config_parse(c, "m.yaml", text, strlen(text), p);
}

/* Exactly one mistake, and it is that line. */
static void mistake(const char *text, const char *want)
{
    struct jn_problems p = {0};
    struct jn_config c;

    cr_assert_eq(parse(&c, text, &p), -EINVAL, "taken: %s", text);
    cr_assert_eq(p.count, 1, "%s", p.text.data);
    cr_assert_eq(strncmp(p.text.data, want, strlen(want)), 0, "is:   %s\nwant: %s", p.text.data, want);
    jn_problems_free(&p);
}

Test(config, a_minimal_file_gets_defaults)
{
    struct jn_problems p = {0};
    struct jn_config c;

    cr_assert_eq(parse(&c, "centre: ''\n", &p), 0, "%s", p.text.data ? p.text.data : "");
    cr_assert_str_eq(c.sip_host, "127.0.0.1");
    cr_assert_eq(c.sip_port, 5060);
    cr_assert_eq(c.api_port, 8080);
    cr_assert_eq(c.workers, 1);
    cr_assert_eq(c.log_level, JN_LOG_INFO);
    cr_assert_lt(c.media_port_min, c.media_port_max);
}

Test(config, every_key_reaches_its_field)
{
    struct jn_problems p = {0};
    struct jn_config c;
    static const char text[] =
        "version: 1\ndata_dir: d\ncentre: ''\n"
        "sip: {listen: 127.0.0.2, advertise: 127.0.0.3, port: 5070, max_calls: 50, max_calls_per_s: 7, "
        "max_registers_per_s: 8, ban_after: 9, ban_window: 30s, ban_time: 5m}\n"
        "media: {listen: '::1', advertise: '2001:db8::1', port_min: 30000, port_max: 30999, silence: 1500ms, "
        "silence_end: 2m, latch: 1s}\n"
        "workers: {count: 3, pin: true, spread_legs: true}\n"
        "api: {listen: 127.0.0.4, port: 81, max_connections: 11, max_chats: 12, token_life: 1h}\n"
        "router: {max_agents: 13, max_queues: 14, max_tenants: 15, max_interactions: 1600, snapshot_every: 17s, "
        "snapshot_events: 1800}\n"
        "sounds: [/tmp]\nlog: {file: /tmp/x.log, level: debug}\n";

    cr_assert_eq(parse(&c, text, &p), 0, "%s", p.text.data ? p.text.data : "");
    cr_assert_str_eq(c.data_dir, "d");
    cr_assert_str_eq(c.sip_host, "127.0.0.2");
    cr_assert_str_eq(c.sip_advertise, "127.0.0.3");
    cr_assert_eq(c.sip_port, 5070);
    cr_assert_eq(c.max_calls, 50);
    cr_assert_eq(c.max_calls_per_s, 7);
    cr_assert_eq(c.max_registers_per_s, 8);
    cr_assert_eq(c.ban_after, 9);
    cr_assert_eq(c.ban_window_s, 30);
    cr_assert_eq(c.ban_s, 300);
    cr_assert_str_eq(c.media_host, "::1");
    cr_assert_str_eq(c.media_advertise, "2001:db8::1");
    cr_assert_eq(c.media_port_min, 30000);
    cr_assert_eq(c.media_port_max, 30999);
    cr_assert_eq(c.silence_ms, 1500);
    cr_assert_eq(c.silence_end_s, 120);
    cr_assert_eq(c.latch_ms, 1000);
    cr_assert_eq(c.workers, 3);
    cr_assert(c.pin_workers && c.spread_legs);
    cr_assert_str_eq(c.api_host, "127.0.0.4");
    cr_assert_eq(c.api_port, 81);
    cr_assert_eq(c.max_connections, 11);
    cr_assert_eq(c.max_chats, 12);
    cr_assert_eq(c.token_life_s, 3600);
    cr_assert_eq(c.max_agents, 13);
    cr_assert_eq(c.max_queues, 14);
    cr_assert_eq(c.max_tenants, 15);
    cr_assert_eq(c.max_interactions, 1600);
    cr_assert_eq(c.snapshot_s, 17);
    cr_assert_eq(c.snapshot_events, 1800);
    cr_assert_eq(c.sound_dirs, 1);
    cr_assert_str_eq(c.sound_dir[0], "/tmp");
    cr_assert_str_eq(c.log_file, "/tmp/x.log");
    cr_assert_eq(c.log_level, JN_LOG_DEBUG);
}

Test(config, each_mistake_is_told_with_line_and_key)
{
    mistake("centre: ''\nsipp: {}\n", "m.yaml:2 sipp: is not a known key; did you mean \"sip\"?");
    mistake("centre: ''\nsip:\n  porrt: 1\n", "m.yaml:3 sip.porrt: is not a known key; did you mean \"port\"?");
    mistake("centre: ''\nsip:\n  port: 70000\n", "m.yaml:3 sip.port: \"70000\" is not a whole number from 1 to 65535");
    mistake("centre: ''\nsip: {port: '5060'}\n", "m.yaml:2 sip.port: ");
    mistake("centre: ''\nsip: {port: -1}\n", "m.yaml:2 sip.port: ");
    mistake("centre: ''\nsip: []\n", "m.yaml:2 sip: must be a mapping");
    mistake("centre: ''\nsip: {listen: localhost}\n", "m.yaml:2 sip.listen: must be an IPv4 or IPv6 address");
    mistake("centre: ''\nmedia: {latch: 3}\n", "m.yaml:2 media.latch: \"3\" is not a duration");
    mistake("centre: ''\nmedia: {latch: 3 s}\n", "m.yaml:2 media.latch: ");
    mistake("centre: ''\nmedia: {latch: 2m}\n", "m.yaml:2 media.latch: 2m is not between 0s and 1m");
    mistake("centre: ''\napi: {token_life: 60500ms}\n", "m.yaml:2 api.token_life: 60500ms is not in whole seconds");
    mistake("centre: ''\nworkers: {pin: yes}\n", "m.yaml:2 workers.pin: must be true or false");
    mistake("centre: ''\nlog: {level: warning}\n",
            "m.yaml:2 log.level: \"warning\" is none of error, warn, info, debug");
    mistake("centre: ''\nversion: 2\n", "m.yaml:2 version: must be 1");
    mistake("centre: /nowhere/c.yaml\n", "m.yaml:1 centre: \"/nowhere/c.yaml\" is not a file");
    mistake("centre: ''\nsounds: [/nowhere]\n", "m.yaml:2 sounds[0]: \"/nowhere\" is not a folder");
    mistake("- a\n", "m.yaml:1 must be a mapping");
}

Test(config, browsers_are_taken_unless_said_otherwise)
{
    struct jn_problems p = {0};
    struct jn_config c;

    cr_assert_eq(parse(&c, "centre: ''\n", &p), 0);
    cr_assert(c.browser.enabled && c.browser.max_legs == 1000 && c.browser.certificate_s == 30 * 86400);
    cr_assert_eq(parse(&c, "centre: ''\nmedia: {browser: {enabled: false, max_legs: 7, certificate: 2d}}\n", &p), 0);
    cr_assert(!c.browser.enabled && c.browser.max_legs == 7 && c.browser.certificate_s == 2 * 86400);
    mistake("centre: ''\nmedia:\n  browser: {port: 9}\n", "m.yaml:3 media.browser.port");
    mistake("centre: ''\nmedia:\n  srtp_suites: [AES_256_CM_HMAC_SHA1_80]\n  browser: {max_legs: 5}\n",
            "m.yaml:4 media.browser.enabled: browsers know none");
    mistake("centre: ''\nmedia: {browser: {certificate: 1h}}\n", "m.yaml:2 media.browser.certificate");
}

Test(config, fields_must_fit_together)
{
    mistake("centre: ''\nmedia: {port_min: 3000, port_max: 2000}\n", "m.yaml:2 media.port_min: 3000 is not below");
    mistake("centre: ''\nsip: {port: 20100}\n", "m.yaml:2 sip.port: 20100 lies among the media ports");
    mistake("centre: ''\nsip: {port: 8080}\n", "m.yaml:1 api.port: 8080 is SIP's port too");
    mistake("centre: ''\nmedia: {port_min: 3000, port_max: 3002}\nworkers: {count: 2}\n",
            "m.yaml:2 media.port_min: fewer");
    mistake("centre: ''\nsip: {max_calls: 200000}\n", "m.yaml:2 sip.max_calls: 200000 is more than");
    mistake("centre: ''\nsip: {listen: 0.0.0.0}\n", "m.yaml:2 sip.advertise: is missing");
    mistake("centre: ''\nmedia: {silence: 1m, silence_end: 1m}\n", "m.yaml:2 media.silence: must be shorter");
}

Test(config, ports_of_different_addresses_may_be_the_same)
{
    struct jn_problems p = {0};
    struct jn_config c;

    cr_assert_eq(parse(&c, "centre: ''\nsip: {port: 8080, listen: 127.0.0.2}\n", &p), 0);
    cr_assert_eq(parse(&c, "centre: ''\nsip: {port: 20100, listen: 127.0.0.2}\n", &p), 0);
}

Test(config, all_mistakes_come_at_once)
{
    struct jn_problems p = {0};
    struct jn_config c;

    cr_assert_eq(parse(&c, "centre: ''\nsip: {port: x, listen: y}\napi: {prot: 1}\nfoo: 1\nlog: {level: z}\n", &p),
                 -EINVAL);
    cr_assert_eq(p.count, 5, "%s", p.text.data);
    jn_problems_free(&p);
}

Test(config, paths_are_relative_to_the_file)
{
    struct jn_problems p = {0};
    struct jn_config c;
    char folder[] = "/tmp/jn_config_XXXXXX", file[64], centre[64];
    FILE *f;

    cr_assert_not_null(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/m.yaml", folder);
    snprintf(centre, sizeof centre, "%s/c.yaml", folder);
    f = fopen(centre, "w");
    fputs("x", f);
    fclose(f);
    f = fopen(file, "w");
    fputs("centre: c.yaml\ndata_dir: data\n", f);
    fclose(f);
    cr_assert_eq(jn_config_load(&c, file, &p), 0, "%s", p.text.data ? p.text.data : "");
    cr_assert_str_eq(c.centre, centre);
    cr_assert_eq(strncmp(c.data_dir, folder, strlen(folder)), 0);
    unlink(file);
    cr_assert_eq(jn_config_load(&c, file, &p), -EINVAL, "a file that cannot be read is a problem");
    cr_assert_eq(p.count, 1);
    jn_problems_free(&p);
    unlink(centre);
    rmdir(folder);
}
