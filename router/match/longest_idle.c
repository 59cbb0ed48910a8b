/* Longest idle: first come, first served by the agent who is idle for longest (FCFS-ALIS). Of those who hold several
 * chats, the one with fewer comes first. */
#include "router/match/match.h"

static uint64_t rank(uint32_t score, uint8_t load)
{
    (void)score;
    return load;
}

const struct jn_policy_ops jn_policy_longest_idle = {.name = "longest-idle", .rank = rank};
