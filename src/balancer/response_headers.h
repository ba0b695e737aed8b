/* Headers that a listener's attributes set in every response, its targets' and our own. */
#pragma once

#include "balancer/rewrite.h"

struct response_header {
    const char *key; /* of the attribute */
    const char *name;
};
extern const struct response_header response_headers[RESPONSE_HEADERS];

/* Whether the response's own header of this name goes: it is set anew, or not wanted. */
bool response_header_goes(const struct listener_attributes *attributes, struct slice name);
void write_response_headers(struct writer *writer, const struct listener_attributes *attributes);
