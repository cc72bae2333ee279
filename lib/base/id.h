/*
 * The one 64-bit counter of the process, from which client, enclave and
 * generation ids come.  Never 0, never reused, so that a verdict of a freed
 * client can't be taken for another's.
 */
#ifndef BASE_ID_H
#define BASE_ID_H

#include <stdint.h>

uint64_t id_next(void);

#endif
