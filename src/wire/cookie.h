/*
 * The Cookie and Set-Cookie headers of RFC 6265, as far as a load balancer reads them. Pure:
 * slices of the bytes that come in.
 */
#pragma once

#include "wire/http1.h"

enum {
    COOKIES_MAX = 1024,           /* of one header: the rest is not looked at */
    COOKIE_VALUE_SIZE_MAX = 4096, /* what browsers keep; a longer one counts as absent */
};

struct cookie {
    struct slice name, value;
};

/* Where the reading of one Cookie header stands. Begin with {header value}. */
struct cookie_reader {
    struct slice rest;
    int count;
};

/*
 * The next pair with a name, without white space around name and value. Pieces without "=" or
 * without a name, and values beyond the limit, are passed over. False at the end.
 */
bool cookie_next(struct cookie_reader *reader, struct cookie *out);

/* Whether a Set-Cookie header's value sets the cookie called `name` (case counts). */
bool cookie_sets(struct slice set_cookie, const char *name);

/*
 * Whether a User-Agent is Chromium of version 80 or later, which takes SameSite=None only with
 * Secure, and treats a cookie without SameSite as Lax.
 */
bool cookie_agent_wants_same_site(struct slice user_agent);
