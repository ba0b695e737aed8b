/* Certificates of the local authority: a new one for a request, and a successor when one ends. */
#pragma once

#include "service/call.h"

/*
 * Issues a certificate for the names of `doc` (DomainName, SubjectAlternativeNames) with its
 * KeyAlgorithm and a new key, and sets what it says in `doc`.
 */
int acm_issue(struct call *call, json_t *doc, struct err *err);
