/* Best skill: the agent with the most levels in the queue's skills; equals by load and idle time. */
#include "router/match/match.h"

static uint64_t rank(uint32_t score, uint8_t load)
{
    return (uint64_t)(UINT32_MAX - score) << 8 | load;
}

const struct jn_policy_ops jn_policy_best_skill = {.name = "best-skill", .rank = rank};
