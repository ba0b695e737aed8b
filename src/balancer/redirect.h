/* Where a redirect leads. */
#pragma once

#include "balancer/rewrite.h"

/* What the placeholders of a redirect stand for. */
struct redirect_facts {
    struct slice protocol; /* "http", "https" */
    struct slice host;     /* without port */
    uint16_t port;         /* of the listener */
    struct slice path;     /* with "/", as the client wrote it */
    struct slice query;    /* without "?" */
};

/* Writes the value of Location; always with a port, without "?" when the query is empty. */
void redirect_write(struct writer *out, const struct action *action,
                    const struct redirect_facts *facts);
