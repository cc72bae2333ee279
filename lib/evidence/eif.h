/*
 * Enclave image files (EIF), as the specification in
 * aws-nitro-enclaves-image-format says (2024-06-21): what they measure as.
 */
#ifndef EVIDENCE_EIF_H
#define EVIDENCE_EIF_H

#include "base/bytes.h"
#include "base/error.h"

#define EIF_PCR_BYTES 48

struct eif_measurements {
	uint8_t pcr0[EIF_PCR_BYTES]; /* kernel, command line, all ramdisks */
	uint8_t pcr1[EIF_PCR_BYTES]; /* kernel, command line, first ramdisk */
	uint8_t pcr2[EIF_PCR_BYTES]; /* the other ramdisks */
	uint8_t pcr8[EIF_PCR_BYTES]; /* the signing certificate */
	bool is_signed;
};

/* Where an image's bytes come from, in order. */
struct eif_source {
	/* At most size bytes; 0 is the end, -1 a failure. */
	int64_t (*read)(void *buffer, size_t size, void *context);
	void *context;
};

/* ENCODING names the place at fault; a source that fails is CONFIG. */
ENCLAVE_CLIENT_NODISCARD enum enclave_client_status eif_measure(
    const struct eif_source *source, struct eif_measurements *ret_measurements,
    struct enclave_client_error *error);

/*
 * The first signature's certificate, PEM: the section is a CBOR array of maps
 * {"signing_certificate", "signature"}, each an array of integers or a byte
 * string.  New bytes in ret_pem.  False: it is not so.
 */
bool eif_signature_certificate(struct bytes section, struct buffer *ret_pem);

#endif
