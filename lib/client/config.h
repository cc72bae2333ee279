/* A configuration from the inside: what enclave_client_new() reads. */
#ifndef CLIENT_CONFIG_H
#define CLIENT_CONFIG_H

#include "base/error.h"
#include "enclave/enclave.h"
#include "evidence/evidence.h"
#include "tls/transport.h"

/* Strings in the order in which they were added; owned. */
struct config_list {
	char **items;
	size_t count;
};

struct enclave_client_config {
	/* The first error of a setter; the next call with a status returns it. */
	struct enclave_client_error first_error;
	struct enclave_map *map;      /* NULL until loaded */
	struct evidence_roots *roots; /* NULL: AWS's */
	char *ca_file;                /* NULL: the system's */
	char *ca_directory;
	struct config_list resolve;
	struct config_list connect_to;
	char *proxy;          /* NULL: the environment's; "": none */
	char *user_agent;     /* NULL: the default */
	char *evidence_store; /* NULL: none */
	struct transport_connection connection;
	struct transport_identity identity;
	bool no_polling;
	enclave_client_event_callback event_callback;
	void *event_context;
	bool insecure_allowed;
	bool insecure_allow_debug;
	bool insecure_nitro_root;
	bool insecure_key_log;
};

/* OK, or the first error of the setters, copied into error. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status config_check(
    const struct enclave_client_config *config,
    struct enclave_client_error *error);

#endif
