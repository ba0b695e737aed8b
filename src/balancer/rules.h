/* Which rule of a listener a request meets, judged by facts about the request as it came. */
#pragma once

#include "balancer/rewrite.h"
#include "balancer/snapshot.h"
#include "wire/regex.h"

/* What conditions look at. */
struct request_facts {
    const struct http1_head *head;
    struct slice method;
    struct slice host;   /* lower case, without port */
    struct slice path;   /* normalised, without query */
    struct slice query;  /* without "?" */
    struct slice url;    /* path and query together */
    uint8_t address[16]; /* the TCP peer's; IPv4 is ::ffff:a.b.c.d */
    struct regex_scratch *scratch;
};

/*
 * Fills in `facts`. `out` takes what has to be written anew: it has room for the request line and
 * the Host header, and is in use as long as the facts are.
 */
void rules_facts(struct request_facts *facts, const struct http1_head *head,
                 const struct target_parts *parts, uint32_t client_address, char *out);

/* The first rule by priority whose conditions all match; NULL: the default action's turn. */
const struct rule *rules_choose(const struct listener *listener, const struct request_facts *facts);

/*
 * The path that rules look at: percent-encoded letters, digits, "-._~" decoded, "." and ".."
 * segments removed. Returns its size; `out` holds path.size bytes. The target gets the path as the
 * client wrote it.
 */
size_t rules_normalise_path(struct slice path, char *out);
/* A host without its port. */
struct slice rules_host_name(struct slice host);
