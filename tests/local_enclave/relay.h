/* The impostor's errand: fetch the evidence of the genuine enclave. */
#ifndef LOCAL_ENCLAVE_RELAY_H
#define LOCAL_ENCLAVE_RELAY_H

/* New text: the body of origin's path, or NULL. Trusts whoever answers. */
char *relay_fetch(const char *origin, const char *path);

#endif
