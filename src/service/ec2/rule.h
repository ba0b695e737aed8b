/*
 * Rules of security groups. A request speaks of IpPermissions, in which one entry stands for many
 * rules; the store has one document a rule, in the shape SecurityGroupRule.
 */
#pragma once

#include "service/call.h"

/*
 * The rules that a request's IpPermissions (or the older members CidrIp, IpProtocol ...) ask for,
 * as an array of SecurityGroupRules without ids: checked, in canonical form, without duplicates.
 * `group` is the document of the group that they are for. NULL and err on failure.
 */
json_t *ec2_rules_read(const struct call *call, const json_t *group, struct err *err);
/* The same for one SecurityGroupRuleRequest (of ModifySecurityGroupRules). */
json_t *ec2_rule_read(const struct call *call, const json_t *group, const json_t *request,
                      struct err *err);
/*
 * Fails if the rule of `group` names a group of a VPC that is not peered with that of `group`;
 * otherwise notes the connection in it. For rules that are to be stored.
 */
int ec2_rule_connect(const struct call *call, const json_t *group, json_t *rule, struct err *err);
/* The rule as it is shown: with the state of the peering connection that it needs. New reference.
 */
json_t *ec2_rule_show(const struct call *call, const json_t *rule);
/* Whether both let the same traffic pass; descriptions and ids do not count. */
bool ec2_rule_equals(const json_t *a, const json_t *b);
/* The group's rules of one direction as a list of IpPermission. */
json_t *ec2_rules_as_permissions(const struct call *call, const char *group, bool is_egress);
