/* VPCs, and what comes with each: main route table, default security group, default network ACL. */
#pragma once

#include "service/call.h"

/*
 * Each of these makes and stores a document, and returns it borrowed. `tags` is borrowed too; NULL
 * means none. Arguments have been checked.
 */
const json_t *ec2_vpc_make(struct call *call, const char *block, bool is_default, json_t *tags);
const json_t *ec2_subnet_make(struct call *call, const json_t *vpc, const char *block,
                              const char *zone, bool is_default, json_t *tags);
const json_t *ec2_route_table_make(struct call *call, const json_t *vpc, bool is_main,
                                   json_t *tags);
const json_t *ec2_security_group_make(struct call *call, const char *vpc, const char *name,
                                      const char *description, json_t *tags);
const json_t *ec2_network_acl_make(struct call *call, const char *vpc, bool is_default,
                                   json_t *tags);
const json_t *ec2_internet_gateway_make(struct call *call, json_t *tags);

/* Makes the default VPC: subnets in all zones, an internet gateway and the route to it. */
const json_t *ec2_default_vpc_make(struct call *call);
/* The region's default VPC; NULL if it was deleted. */
const json_t *ec2_default_vpc(const struct call *call);
/* What a region has before anyone asks. */
int ec2_prepare_region(struct call *call, struct err *err);

void ec2_internet_gateway_attach(struct call *call, const char *gateway, const char *vpc);
/* Whether the gateway is attached to the VPC: a route to it works only then. */
bool ec2_internet_gateway_is_attached(const struct call *call, const char *gateway,
                                      const char *vpc);
/* Adds a route to a gateway of the VPC. `origin`: "CreateRoute" or "CreateRouteTable". */
void ec2_route_add(json_t *table, const char *block, const char *gateway, const char *origin);
/* Removes the route to `block`, if there is one. */
void ec2_route_remove(json_t *table, const char *block);
/* How many routes of the quota the table has, and how many it may have. */
size_t ec2_route_count(const struct call *call, const json_t *table);
enum { EC2_ROUTES_PER_TABLE_MAX = 500 };
/* How many rules of the quota a group has in one direction, and how many it may have. */
size_t ec2_rule_count(const struct call *call, const char *group, bool is_egress);
enum { EC2_RULES_PER_DIRECTION_MAX = 60 };
/* Adds a rule: a SecurityGroupRule without ids, whose reference is taken over. Returns it stored.
 */
const json_t *ec2_rule_make(struct call *call, const char *group, bool is_egress, json_t *rule,
                            json_t *tags);

/* "arn:aws:ec2:<region>:<account>:<type>/<id>" */
json_t *ec2_arn(const struct call *call, const char *type, const char *id);
/* The first document of `kind` in which `path` (filter.h) has `text`; NULL if there is none. */
const json_t *ec2_first(const struct call *call, const char *kind, const char *path,
                        const char *text);
/*
 * Fails with `code` when `most` documents of `kind` exist already; counts only those whose `path`
 * has `text`, unless path is NULL.
 */
int ec2_limit(const struct call *call, const char *kind, const char *path, const char *text,
              size_t most, const char *code, struct err *err);
