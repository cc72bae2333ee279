/* libcurl's handles as a caller of the library would set them up. */
#ifndef INTEGRATION_HANDLES_H
#define INTEGRATION_HANDLES_H

#include <curl/curl.h>

void handles_set_long(CURL *easy, CURLoption option, long value);
void handles_set_pointer(CURL *easy, CURLoption option, void *value);
/* GET path from the fixture's enclave, trusting its web CA alone. */
void handles_get(CURL *easy, const char *path);
/* The same for any origin. */
void handles_get_from(CURL *easy, const char *origin, const char *path);

/* A share of that kind, for one thread; curl_share_cleanup. */
CURLSH *handles_share(curl_lock_data kind);

/* One round of the multi handle: at most 50 ms. */
void handles_turn(CURLM *multi);
/* Turns until easy, which was added, is done; its result. */
CURLcode handles_wait(CURLM *multi, CURL *easy);
/* Adds, waits, removes. */
CURLcode handles_run(CURLM *multi, CURL *easy);

#endif
