/*
 * The lines of an answer's header block, told apart.  libcurl has checked them
 * and hands over whole lines (CURLOPT_HEADERFUNCTION); its own table of them
 * (curl_easy_nextheader) costs a request more than all else that is done with
 * its answer.  A test holds both to the same result.
 */
#ifndef CLIENT_HEADERS_H
#define CLIENT_HEADERS_H

#include "base/bytes.h"

/*
 * Appends each header of block to texts, as two strings with their NULs: its
 * name, and its value without the blanks around it.  block begins with the
 * status line.  A folded line (RFC 9112, 5.2) goes on with the value before it.
 * False when memory is short.
 */
ENCLAVE_CLIENT_NODISCARD bool headers_append(
    struct buffer *texts, struct bytes block);

#endif
