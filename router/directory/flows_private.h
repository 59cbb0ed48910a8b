/* Flows in the directory: what directory.c asks of flows.c. */
#ifndef JN_ROUTER_DIRECTORY_FLOWS_PRIVATE_H
#define JN_ROUTER_DIRECTORY_FLOWS_PRIVATE_H

#include "router/directory/directory.h"

int jn_directory_index_flows(struct jn_directory *d, struct jn_err *err);
void jn_directory_free_flows(struct jn_directory *d);

#endif
