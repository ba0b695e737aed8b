/* The parts that a ruleset is made of, and how it is built. Private to the files of ruleset. */
#pragma once

#include "base/buf.h"
#include "base/map.h"
#include "host/net/fabric_message.h"
#include "host/net/ruleset.h"

#include <stdbool.h>

enum ruleset_kind { RULESET_SET, RULESET_MAP, RULESET_CHAIN };
enum { RULESET_NAME_SIZE = ID_SIZE + 16, RULESET_LINE_SIZE = 256 };

struct ruleset_object {
    enum ruleset_kind kind;
    const char *type;    /* static; what stands in the braces of its declaration */
    struct map elements; /* of sets and maps: key -> malloc'd text, "" in sets */
    struct buf rules;    /* of chains: one rule a line */
};

/* A ruleset under construction; failure is sticky. */
struct ruleset_builder {
    struct ruleset *ruleset;
    const struct fabric_view *view;
    unsigned log_group;  /* see log_socket_open() */
    bool has_forwarders; /* see fabric_is_forwarder() */
    bool failed;
};

/* Dotted quad of an address in host byte order, as arguments of printf. */
#define QUAD_FORMAT   "%u.%u.%u.%u"
#define QUAD(address) (address) >> 24, (address) >> 16 & 255, (address) >> 8 & 255, (address)&255

/* Adds an empty object; `type` must be static. */
void ruleset_declare(struct ruleset_builder *builder, enum ruleset_kind kind, const char *name,
                     const char *type);
/* Adds or replaces an element of a set (the format gives "") or of a map. */
__attribute__((format(printf, 4, 5))) void ruleset_add_element(struct ruleset_builder *builder,
                                                               const char *set, const char *key,
                                                               const char *format, ...);
/* The rules of a chain, to append to. */
struct buf *ruleset_rules(struct ruleset_builder *builder, const char *chain);
/* "sg-0a1b" and "_in" give "sg_0a1b_in". */
void ruleset_name(char name[RULESET_NAME_SIZE], const char *id, const char *suffix);
/* Appends the network ACLs of all subnets. */
void ruleset_build_acls(struct ruleset_builder *builder);
/* Appends where packets of logged interfaces are told of, and the chains rejected_in and
 * rejected_out, which drop. */
void ruleset_build_flows(struct ruleset_builder *builder);
/* "_in" and "_out", by enum fabric_direction. */
extern const char *const ruleset_suffixes[];
/* Appends what a rule says of protocol and ports, in the numbers of struct fabric_rule; nothing for
 * all protocols. */
void ruleset_append_protocol(struct buf *line, unsigned protocol, unsigned port_from,
                             unsigned port_to);
