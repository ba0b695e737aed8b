/*
 * Documents of certificates, for the service's own files and for who uses certificates. The private
 * members hold PEM: `_certificate`, `_chain` (may be "") and `_private_key`, which nothing may log.
 */
#pragma once

#include "service/call.h"
#include "wire/certificate.h"

enum { ACM_ARN_SIZE = 256 };

extern const char acm_certificate_kind[];

/* The document, borrowed; NULL and err (ResourceNotFoundException) if there is none. */
const json_t *acm_find(const struct call *call, const char *arn, struct err *err);
/* The same, as a copy that may be changed until the transaction ends. */
json_t *acm_edit(const struct call *call, const char *arn, struct err *err);
/* Whether it is past its end. */
bool acm_is_expired(const struct call *call, const json_t *certificate);

/*
 * Adds a document with a new ARN; takes over `doc`. Fails when the region has as many as AWS
 * allows. Returns the ARN, borrowed from the document.
 */
const char *acm_add(struct call *call, json_t *doc, struct err *err);
/* Sets what the certificate says of itself: names, serial, dates, algorithms, usages. */
void acm_set_facts(json_t *doc, const struct certificate_facts *facts);
