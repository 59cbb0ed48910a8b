/* Interaction: lifecycle and outcome as tables. */
#include "router/interaction/interaction.h"

#define BIT(s) ((uint8_t)(1u << (s)))

static const uint8_t next_ok[JN_IX_STATE_N] = {
    [JN_IX_QUEUED] = BIT(JN_IX_OFFERED) | BIT(JN_IX_DONE),
    [JN_IX_OFFERED] = BIT(JN_IX_QUEUED) | BIT(JN_IX_CONNECTED) | BIT(JN_IX_DONE),
    [JN_IX_CONNECTED] = BIT(JN_IX_HELD) | BIT(JN_IX_QUEUED) | BIT(JN_IX_WRAP_UP) | BIT(JN_IX_DONE),
    [JN_IX_HELD] = BIT(JN_IX_CONNECTED) | BIT(JN_IX_QUEUED) | BIT(JN_IX_WRAP_UP) | BIT(JN_IX_DONE),
    [JN_IX_WRAP_UP] = BIT(JN_IX_DONE),
    [JN_IX_DONE] = 0,
};

bool jn_ix_next_ok(uint8_t from, uint8_t to)
{
    return from < JN_IX_STATE_N && to < JN_IX_STATE_N && (next_ok[from] & BIT(to));
}

bool jn_ix_held_by_agent(uint8_t state)
{
    return state != JN_IX_QUEUED && state != JN_IX_DONE;
}

bool jn_ix_joined(uint8_t state)
{
    return state == JN_IX_CONNECTED || state == JN_IX_HELD;
}

bool jn_ix_dials(const struct jn_ix_row *row)
{
    return row->direction == JN_DIR_OUT && row->state == JN_IX_OFFERED && !row->answered_us;
}

uint8_t jn_ix_outcome(bool answered, uint8_t why)
{
    if (why == JN_WHY_CRASH || why == JN_WHY_MEDIA || why == JN_WHY_BUSY)
        return JN_OUT_LOST;
    if (answered)
        return JN_OUT_ANSWERED;
    return why == JN_WHY_CUSTOMER || why == JN_WHY_MENU_LEFT ? JN_OUT_ABANDONED : JN_OUT_REJECTED;
}

bool jn_ix_before_queue(uint8_t why)
{
    return why == JN_WHY_CLOSED || why == JN_WHY_MENU || why == JN_WHY_MENU_LEFT || why == JN_WHY_DRAINING ||
           why == JN_WHY_MEDIA || why == JN_WHY_BUSY;
}
