/* Tags of certificates: the document's member `_tags`. */
#pragma once

#include "service/call.h"

/* The request's Tags as a new array for a new document; NULL and err if they break a rule. */
json_t *acm_tags_on_creation(const struct call *call, struct err *err);
