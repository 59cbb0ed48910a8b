/* Cmd rec: verbs of `junctor rec` that have a file of their own. */
#ifndef JN_ENGINE_CMD_REC_H
#define JN_ENGINE_CMD_REC_H

#include <stdbool.h>
#include <stdint.h>

/* Prints the events of a call's recording below dir. tenant 0: any. Returns what the program exits with. */
int jn_rec_show(const char *dir, uint64_t tenant, uint64_t call, bool json);

#endif
