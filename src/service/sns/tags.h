/* Tags of topics: the document's member `_tags`. */
#pragma once

#include "service/call.h"

/* The request's Tags as a new array for a new document; NULL and err if they break a rule. */
json_t *sns_tags_on_creation(const struct call *call, struct err *err);
/* Whether a list has this tag with this value. */
bool sns_tags_have(const json_t *tags, const json_t *tag);
