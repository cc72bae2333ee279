/* Requests: one for each URL of the line. */
#ifndef CLI_TRANSFER_H
#define CLI_TRANSFER_H

#include "session.h"

/*
 * Each failure is reported; the next URL is still asked, as curl does.  Gives
 * 0 only when all went well, else the exit status of the last failure.
 */
int transfer_all(const struct session *session);

#endif
