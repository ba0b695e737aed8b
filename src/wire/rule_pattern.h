/*
 * What rules may say, by AWS's limits: the kinds of conditions, their values, rewrites, redirects
 * and fixed responses. The API asks before it keeps a rule, the balancer before it follows one.
 * Errors carry AWS's texts without a code.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RULE_VALUES_MAX = 5,    /* of all conditions of a rule, regular expressions among them */
    RULE_WILDCARDS_MAX = 6, /* of all conditions of a rule */
    RULE_VALUE_SIZE_MAX = 128,
    RULE_NAME_SIZE_MAX = 40, /* of a header or a method */
    RULE_REWRITE_SIZE_MAX = 1024,
    RULE_REDIRECT_SIZE_MAX = 128, /* of each part */
    RULE_MESSAGE_SIZE_MAX = 1024,
};

enum rule_field {
    RULE_HOST,
    RULE_PATH,
    RULE_HEADER,
    RULE_METHOD,
    RULE_QUERY,
    RULE_SOURCE,
    RULE_FIELDS,
};

/* One kind of condition. */
struct rule_field_kind {
    const char *name;   /* "host-header" */
    const char *config; /* the member with the values: "HostHeaderConfig" */
    bool plain;         /* "Values" may also stand in the condition itself */
    bool wildcards, regex;
    bool nocase;  /* comparisons ignore the case of ASCII letters */
    bool repeats; /* several conditions of this kind may stand in a rule */
};

extern const struct rule_field_kind rule_field_kinds[RULE_FIELDS];

/* The kind with this name (enum rule_field), or -1. */
int rule_field_find(const char *name);

/* Values so far in a rule; zero it before its first condition. */
struct rule_totals {
    int values, wildcards;
    int conditions[RULE_FIELDS];
};

/* One condition more, its values not counted yet. */
int rule_count_condition(enum rule_field field, struct rule_totals *totals, struct err *err);
/* One value more of "Values", or for RULE_QUERY a key or a value of a pair (count_value once). */
int rule_check_value(enum rule_field field, const char *value, struct err *err);
int rule_count_value(enum rule_field field, const char *value, struct rule_totals *totals,
                     struct err *err);
/* One value more of a query-string condition; `key` NULL or "": any. Checks and counts. */
int rule_check_pair(const char *key, const char *value, struct rule_totals *totals,
                    struct err *err);
/* One value more of "RegexValues". Checks and counts. */
int rule_check_regex(enum rule_field field, const char *regex, struct rule_totals *totals,
                     struct err *err);
/* HttpHeaderName. */
int rule_check_header_name(const char *name, struct err *err);

/* A block of addresses: IPv4 is ::ffff:a.b.c.d with its prefix counted from there. */
struct rule_block {
    uint8_t address[16];
    int prefix; /* 0..128 */
};

/* "10.0.0.0/8", "2001:db8::/32". */
int rule_parse_block(const char *text, struct rule_block *out, struct err *err);

/* One rewrite of a transform: the expression is valid and `replace` names only its groups. */
int rule_check_rewrite(const char *regex, const char *replace, struct err *err);

/* Whether a listener may forward to a target group of this ProtocolVersion: HTTP/2 needs TLS here.
 */
int rule_check_version(const char *protocol_version, bool https, struct err *err);

/* The parts of a redirect; NULL: as in the request. */
struct rule_redirect {
    const char *protocol, *host, *port, *path, *query;
};

/* `https`: the listener's protocol. */
int rule_check_redirect(const struct rule_redirect *redirect, bool https, struct err *err);
/* `content_type` and `body` may be NULL. `status` is as in the API: "200". */
int rule_check_fixed_response(const char *status, const char *content_type, const char *body,
                              struct err *err);
