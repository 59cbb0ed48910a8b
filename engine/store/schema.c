/* Schema: one step a version, never changed once released. Ids are 64-bit patterns in SQLite's signed integers; times
 * are engine time in microseconds, 0: never. */
#include "engine/store/schema.h"

static const char step_1[] =
    "CREATE TABLE progress (one INTEGER PRIMARY KEY CHECK (one = 1), router_seq INTEGER NOT NULL,"
    " boots INTEGER NOT NULL) STRICT;"
    "INSERT INTO progress VALUES (1, 0, 0);"
    "CREATE TABLE small (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE interaction (id INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, queue INTEGER NOT NULL,"
    " agent INTEGER NOT NULL, tenant_name TEXT NOT NULL, queue_name TEXT NOT NULL, agent_name TEXT NOT NULL,"
    " channel INTEGER NOT NULL, state INTEGER NOT NULL, outcome INTEGER NOT NULL, why INTEGER NOT NULL,"
    " priority INTEGER NOT NULL, position INTEGER NOT NULL, offers INTEGER NOT NULL, in_target INTEGER NOT NULL,"
    " arrived_us INTEGER NOT NULL, queued_us INTEGER NOT NULL, offered_us INTEGER NOT NULL,"
    " answered_us INTEGER NOT NULL, ended_us INTEGER NOT NULL, closed_us INTEGER NOT NULL,"
    " wait_us INTEGER NOT NULL, talk_us INTEGER NOT NULL) STRICT;"
    "CREATE INDEX interaction_arrived ON interaction (arrived_us, id);"
    "CREATE INDEX interaction_tenant ON interaction (tenant, arrived_us, id);"
    "CREATE TABLE call (ix INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, caller TEXT NOT NULL, called TEXT NOT NULL,"
    " call_id TEXT NOT NULL, mos_caller_x100 INTEGER NOT NULL, mos_agent_x100 INTEGER NOT NULL,"
    " rx_packets INTEGER NOT NULL, tx_packets INTEGER NOT NULL, lost INTEGER NOT NULL,"
    " recorded INTEGER NOT NULL) STRICT;";

static const char step_2[] =
    "CREATE TABLE audit (id INTEGER PRIMARY KEY AUTOINCREMENT, at_us INTEGER NOT NULL, tenant INTEGER NOT NULL,"
    " who TEXT NOT NULL, kind INTEGER NOT NULL, what TEXT NOT NULL) STRICT;"
    "CREATE INDEX audit_at ON audit (tenant, at_us);";

/* Segments of an interaction, in order; kind is enum jn_segment_kind. What ended before is told as far as it is known.
 */
static const char step_3[] =
    "CREATE TABLE segment (ix INTEGER NOT NULL, n INTEGER NOT NULL, kind INTEGER NOT NULL, queue INTEGER NOT NULL,"
    " agent INTEGER NOT NULL, queue_name TEXT NOT NULL, agent_name TEXT NOT NULL, began_us INTEGER NOT NULL,"
    " ended_us INTEGER NOT NULL, PRIMARY KEY (ix, n)) STRICT, WITHOUT ROWID;"
    "INSERT INTO segment SELECT id, 1, 0, queue, 0, queue_name, '', arrived_us,"
    " CASE WHEN answered_us > 0 THEN answered_us ELSE ended_us END FROM interaction WHERE ended_us > arrived_us;"
    "INSERT INTO segment SELECT id, 2, 2, queue, agent, queue_name, agent_name, answered_us, ended_us FROM interaction"
    " WHERE answered_us > 0 AND ended_us > arrived_us;"
    "ALTER TABLE interaction ADD COLUMN direction INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE interaction ADD COLUMN transfers INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE call ADD COLUMN outside TEXT NOT NULL DEFAULT '';";

const char *const jn_schema_step[JN_SCHEMA_VERSION] = {step_1, step_2, step_3};
