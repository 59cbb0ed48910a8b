/* The lifecycle and what an end counts as. */
#include "router/interaction/interaction.h"

#include <criterion/criterion.h>

Test(interaction, done_is_final_and_wrap_up_leads_only_there)
{
    for (uint8_t to = 0; to < JN_IX_STATE_N; to++) {
        cr_assert_not(jn_ix_next_ok(JN_IX_DONE, to));
        cr_assert_eq(jn_ix_next_ok(JN_IX_WRAP_UP, to), to == JN_IX_DONE);
        cr_assert_not(jn_ix_next_ok(to, to), "no state follows itself");
    }
    cr_assert_not(jn_ix_next_ok(JN_IX_QUEUED, JN_IX_CONNECTED), "nobody is connected who was not offered");
    cr_assert_not(jn_ix_next_ok(200, JN_IX_DONE));
}

Test(interaction, answered_stays_answered_but_for_our_faults)
{
    cr_assert_eq(jn_ix_outcome(false, JN_WHY_CUSTOMER), JN_OUT_ABANDONED);
    cr_assert_eq(jn_ix_outcome(true, JN_WHY_CUSTOMER), JN_OUT_ANSWERED);
    cr_assert_eq(jn_ix_outcome(false, JN_WHY_MAX_WAIT), JN_OUT_REJECTED);
    cr_assert_eq(jn_ix_outcome(true, JN_WHY_MAX_WAIT), JN_OUT_ANSWERED);
    cr_assert_eq(jn_ix_outcome(true, JN_WHY_CRASH), JN_OUT_LOST);
    cr_assert_eq(jn_ix_outcome(false, JN_WHY_MEDIA), JN_OUT_LOST);
    cr_assert_eq(jn_ix_outcome(false, JN_WHY_MENU_LEFT), JN_OUT_ABANDONED);
    cr_assert_eq(jn_ix_outcome(false, JN_WHY_MENU), JN_OUT_REJECTED);
    cr_assert_eq(jn_ix_outcome(false, JN_WHY_CLOSED), JN_OUT_REJECTED);
}
