/* Number: telephone numbers as carriers write them, to E.164 and back, and the headers that carry them as text. Pure
 * functions over text from outside. */
#ifndef JN_ENGINE_SIP_NUMBER_H
#define JN_ENGINE_SIP_NUMBER_H

#include "router/directory/directory.h"

/* By the trunk's rules (t NULL: none): "+49 (30) 12-34", "0049301234", "0301234" to "+49301234". True when out is
 * E.164; otherwise out is the text without parameters, "" when even that does not fit. */
bool jn_number_e164(char out[static JN_NUMBER_MAX], const char *text, const struct jn_dir_trunk *t);
/* How the trunk wants to see number (enum jn_dial). Numbers that are not E.164 go as they are. False when it does not
 * fit. */
bool jn_number_dial(char out[static JN_NUMBER_MAX], const char *number, const struct jn_dir_trunk *t);
/* Only what may stand in a SIP user part and a number: digits, letters, + * # . _ -. */
bool jn_number_plain(const char *number);
/* The user part or tel number of the first address of a header's value that has one: P-Asserted-Identity (RFC 3325
 * 9.1), Diversion (RFC 5806), History-Info (RFC 7044). Escapes are undone. False: none. */
bool jn_number_of_header(char *out, size_t size, const char *value);
/* The Privacy value asks that the identity be kept from the called party (RFC 3323 4.2, RFC 3325 9.3). */
bool jn_number_private(const char *value);

#endif
