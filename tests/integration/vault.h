/*
 * The other end of attestation: a server for attested clients, which holds out
 * a secret as it were, and its clients, both in this thread over memory.
 */
#ifndef INTEGRATION_VAULT_H
#define INTEGRATION_VAULT_H

#include <enclave_client_openssl.h>

#include "integration/fixture.h"

#define VAULT_ENTRY     "signer"
#define VAULT_KEY_ALONE ",\"trust\":\"attested_key\""

struct vault {
	SSL_CTX *server_ctx;
	SSL_CTX *client_ctx;
};
extern struct vault vault;

/* One connection. */
struct vault_pair {
	SSL *server;
	SSL *client;
	bool accepted; /* the server's handshake finished */
};

void vault_setup(void);
void vault_teardown(void);

/* Attaches server_ctx for those with this PCR0, or NULL: the enclave's own. */
void vault_open(const char *pcr0, const char *members);

/*
 * A certificate with its key, and with a document in it where options say;
 * vault_good is the one that is accepted.
 */
extern const char *const vault_good[];
void vault_mint(const char *name, const char *const *options);
void vault_use(SSL_CTX *ctx, const char *name);
/* The certificate's document and public key, in one that nobody issued, with a
 * private key of one's own. */
void vault_use_pretended(const char *name, long serial);
/* The only one that clients speak. */
void vault_use_version(int version);

/* Two ends that have not said anything yet. */
struct vault_pair vault_pair_new(void);
/* session: what the client offers to resume, or NULL. */
struct vault_pair vault_shake_hands(SSL_SESSION *session);
void vault_pair_free(struct vault_pair *pair);
/* What a client keeps to resume from: of TLS 1.3 it comes with the data. */
SSL_SESSION *vault_session(struct vault_pair *pair);
enum enclave_client_status vault_check(
    struct vault_pair *pair, struct enclave_client_document **ret_document);

#endif
