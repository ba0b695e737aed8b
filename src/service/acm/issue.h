/* Certificates of the local authority: a new one for a request, and a successor when one ends. */
#pragma once

#include "service/call.h"

/*
 * Issues a certificate for the names of `doc` (DomainName, SubjectAlternativeNames) with its
 * KeyAlgorithm and a new key, and sets what it says in `doc`.
 */
int acm_issue(struct call *call, json_t *doc, struct err *err);

/* When a certificate is renewed if it is in use then; INT64_MAX for those that were imported. */
int64_t acm_renewal_due_ms(const json_t *certificate);
/* Issues a successor under the same ARN, with a new key. */
int acm_renew(struct call *call, const char *arn, struct err *err);
