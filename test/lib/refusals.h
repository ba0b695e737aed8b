/* Tables of bad input: each call is refused with AWS's code and text, and changes nothing. */
#pragma once

#include "service_fixture.h"

struct refusal {
    const char *operation, *members, *code, *text; /* `members` without the braces around them */
};

/*
 * Asserts it of every row. `dump` writes whatever the service may change as text; the caller of it
 * frees.
 */
void refuse_all(struct service_fixture *fixture, const char *service,
                const struct refusal *refusals, size_t count,
                char *(*dump)(struct service_fixture *fixture));
