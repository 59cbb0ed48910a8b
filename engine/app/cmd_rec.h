/* Cmd rec: what the parts of `junctor rec` share. */
#ifndef JN_ENGINE_CMD_REC_H
#define JN_ENGINE_CMD_REC_H

#include "engine/base/str.h"
#include <stdbool.h>
#include <stdint.h>

struct jn_rec_cmd {
    const char *verb, *data, *tenant, *agent, *queue, *call, *file, *format, *as, *tracks, *from, *to;
    bool json, yes;
    uint64_t tenant_id, call_id;
    char dir[1024];
};
/* Each gives what the program exits with. */
int jn_rec_cmd_list(const struct jn_rec_cmd *c);
int jn_rec_cmd_verify(const struct jn_rec_cmd *c);
int jn_rec_cmd_export(const struct jn_rec_cmd *c);
int jn_rec_cmd_delete(const struct jn_rec_cmd *c);
int jn_rec_cmd_rotate(const struct jn_rec_cmd *c);
/* Prints the events of one recording; tenant 0: any. */
int jn_rec_show(const char *dir, uint64_t tenant, uint64_t call, bool json);

#endif
