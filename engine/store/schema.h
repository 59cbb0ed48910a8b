/* Schema: the database's tables and how older ones become the newest. Private to sqlite*.c. */
#ifndef JN_ENGINE_SCHEMA_H
#define JN_ENGINE_SCHEMA_H

enum { JN_SCHEMA_VERSION = 3, JN_SCHEMA_APPLICATION = 0x4a4e4354 /* "JNCT" */ };

/* Statement i brings a database of version i to i + 1. */
extern const char *const jn_schema_step[JN_SCHEMA_VERSION];

#endif
