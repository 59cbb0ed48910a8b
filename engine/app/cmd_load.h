/* Cmd load: what the verb's files share: the options as they were given, and the agents who are told to work. */
#ifndef JN_ENGINE_CMD_LOAD_H
#define JN_ENGINE_CMD_LOAD_H

#include "engine/app/cmd_api.h"
#include "engine/load/report.h"
#include "engine/net/port_dpdk.h"

struct jn_cmd_load {
    struct jn_cmd_api api;
    struct jn_load_plan plan;
    struct jn_load_limits limits;
    struct jn_impair_config impair;
    struct jn_dpdk_config dpdk;
    const char *to, *target, *domain, *local, *sound, *codecs, *srtp, *impaired, *media_ports, *json, *address,
        *gateway, *agent_name;
    uint32_t answer, at_once;
    bool ready, over_dpdk, may;
    char **tokens; /* of the agents that were made ready */
    uint32_t tokens_n;
};
/* 0, or the exit code after saying why; -1: the help was asked for. */
int jn_cmd_load_options(struct jn_cmd_load *l, int argc, char *argv[]);
/* Addresses, sound, codecs and all else that options only name. 0 or -errno with the reason. */
int jn_cmd_load_prepare(struct jn_cmd_load *l, struct jn_err *err);
/* Where media is received: what --media-ports says, else anywhere, each time somewhere else. 0 or -errno. */
int jn_cmd_load_ports(struct jn_cmd_load *l, struct jn_err *err);
/* The agents by API: logged in and ready; out again. */
int jn_cmd_load_ready(struct jn_cmd_load *l, struct jn_err *err);
void jn_cmd_load_leave(struct jn_cmd_load *l);
/* The options as a JSON object. */
void jn_cmd_load_configuration(struct jn_buf *out, const struct jn_cmd_load *l);

#endif
