/*
 * Entries of network ACLs: numbered rules of one direction, kept in order of their numbers, the
 * outgoing ones first, as they are shown. The last of each direction denies the rest for good.
 */
#include "service/accept.h"
#include "service/ec2/cidr.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"

#include <stdlib.h>
#include <string.h>

enum {
    NUMBER_MAX = 32766,
    ENTRIES_PER_DIRECTION_MAX = 20, /* with the last one */
    PROTOCOL_MAX = 255,
    PORT_MAX = 65535,
    ICMP_MAX = 255,
};

static const char entry_members[] =
    "NetworkAclId RuleNumber Protocol RuleAction Egress CidrBlock Ipv6CidrBlock IcmpTypeCode "
    "PortRange";

/* ---- what a request says ---- */

/* Reads a number that the request must contain. */
static int read_number(const json_t *object, const char *member, const char *name, int *ret,
                       struct err *err)
{
    const json_t *value = json_object_get(object, member);
    if (!value)
        return err_aws(err, "MissingParameter", "The request must contain the parameter %s", name);
    *ret = (int)json_integer_value(value);
    return 0;
}

/* "-1" or a decimal; *ret is -1 for all. */
static int read_protocol(const char *text, int *ret, struct err *err)
{
    char *end;
    long number = strtol(text, &end, 10);
    bool is_number = (*text >= '0' && *text <= '9') || !strcmp(text, "-1");
    if (!is_number || *end || number > PROTOCOL_MAX)
        return err_aws(err, "InvalidParameterValue",
                       "Invalid value '%.64s' for IP protocol. Unknown protocol.", text);
    *ret = (int)number;
    return 0;
}

static int set_ports(const json_t *in, json_t *entry, struct err *err)
{
    int from = 0, to = 0;
    const json_t *range = json_object_get(in, "PortRange");
    if (read_number(range, "From", "portRange.from", &from, err) < 0 ||
        read_number(range, "To", "portRange.to", &to, err) < 0)
        return -1;
    if (from < 0 || to > PORT_MAX || from > to)
        return err_aws(err, "InvalidParameterValue", "Invalid value '%d-%d' for portRange.", from,
                       to);
    json_object_set_new(entry, "PortRange", json_pack("{s:i, s:i}", "From", from, "To", to));
    return 0;
}

/* -1 stands for all types, or all codes of a type. */
static int set_icmp(const json_t *in, json_t *entry, struct err *err)
{
    int type = 0, code = 0;
    const json_t *both = json_object_get(in, "IcmpTypeCode");
    if (read_number(both, "Type", "icmp.type", &type, err) < 0 ||
        read_number(both, "Code", "icmp.code", &code, err) < 0)
        return -1;
    if (type < -1 || type > ICMP_MAX || code < -1 || code > ICMP_MAX || (type == -1 && code != -1))
        return err_aws(err, "InvalidParameterValue",
                       "Invalid value '%d' for ICMP type and '%d' for ICMP code.", type, code);
    json_object_set_new(entry, "IcmpTypeCode", json_pack("{s:i, s:i}", "Code", code, "Type", type));
    return 0;
}

/* An entry speaks of IPv4 or of IPv6. Nothing has an IPv6 address here: those match nothing. */
static int set_block(const json_t *in, json_t *entry, struct err *err)
{
    struct cidr cidr;
    char block[CIDR6_SIZE];
    const char *text = ec2_text(in, "CidrBlock"), *text6 = ec2_text(in, "Ipv6CidrBlock");
    if (!text && !text6)
        return err_aws(err, "MissingParameter",
                       "Either 'cidrBlock' or 'ipv6CidrBlock' should be provided.");
    if (text && text6)
        return err_aws(err, "InvalidParameterCombination",
                       "Only one of 'cidrBlock' and 'ipv6CidrBlock' may be provided.");
    if (text ? !cidr_parse(text, &cidr) : !cidr6_canonical(text6, block))
        return err_aws(err, "InvalidParameterValue",
                       "Value (%.64s) for parameter %s is invalid. This is not a valid CIDR block.",
                       text ? text : text6, text ? "cidrBlock" : "ipv6CidrBlock");
    if (text)
        cidr_format(cidr_canonical(cidr), block);
    json_object_set_new(entry, text ? "CidrBlock" : "Ipv6CidrBlock", json_string(block));
    return 0;
}

static int read_rule_number(const struct call *call, int *ret, struct err *err)
{
    if (read_number(call->in, "RuleNumber", "ruleNumber", ret, err) < 0)
        return -1;
    if (*ret > NUMBER_MAX)
        return err_aws(err, "InvalidParameterValue",
                       "The specified rule number must not be greater than %d.", NUMBER_MAX);
    if (*ret < 1)
        return err_aws(err, "InvalidParameterValue",
                       "The specified rule number must be greater than 0.");
    return 0;
}

/* The entry that the request describes, as it is kept: ports only where a protocol has them. */
static json_t *read_entry(const struct call *call, int number, struct err *err)
{
    int protocol = 0;
    const char *name = ec2_required(call, "Protocol", err);
    const char *action = name ? ec2_required(call, "RuleAction", err) : NULL;
    if (!action || read_protocol(name, &protocol, err) < 0)
        return NULL;
    json_auto_t *entry = json_pack(
        "{s:b, s:o, s:s, s:i}", "Egress", json_is_true(json_object_get(call->in, "Egress")),
        "Protocol", json_sprintf("%d", protocol), "RuleAction", action, "RuleNumber", number);
    if (set_block(call->in, entry, err) < 0)
        return NULL;
    if ((protocol == 6 || protocol == 17) && set_ports(call->in, entry, err) < 0)
        return NULL;
    if ((protocol == 1 || protocol == 58) && set_icmp(call->in, entry, err) < 0)
        return NULL;
    return json_incref(entry);
}

/* ---- the entries of an ACL ---- */

/* The place of an entry, or where it would be; true if it is there. */
static bool find_entry(const json_t *entries, bool is_egress, int number, size_t *ret_index)
{
    size_t i;
    const json_t *entry;
    json_array_foreach (entries, i, entry) {
        bool other_egress = json_is_true(json_object_get(entry, "Egress"));
        int other = (int)json_integer_value(json_object_get(entry, "RuleNumber"));
        if (other_egress == is_egress ? other >= number : is_egress) {
            *ret_index = i;
            return other_egress == is_egress && other == number;
        }
    }
    *ret_index = i;
    return false;
}

static int not_found(bool is_egress, int number, struct err *err)
{
    return err_aws(err, "InvalidNetworkAclEntry.NotFound", "no %s entry with number %d",
                   is_egress ? "egress" : "ingress", number);
}

static size_t count_direction(const json_t *entries, bool is_egress)
{
    size_t i, count = 0;
    const json_t *entry;
    json_array_foreach (entries, i, entry)
        count += json_is_true(json_object_get(entry, "Egress")) == is_egress;
    return count;
}

/* The entries of the ACL that the request names, for editing, and the rest of what it names. */
static json_t *edit_entries(const struct call *call, const char *members, bool *ret_is_egress,
                            int *ret_number, struct err *err)
{
    if (call_accept(call->in, members, err) < 0)
        return NULL;
    const char *id = ec2_required(call, "NetworkAclId", err);
    if (!id || read_rule_number(call, ret_number, err) < 0)
        return NULL;
    *ret_is_egress = json_is_true(json_object_get(call->in, "Egress"));
    return json_object_get(ec2_edit(call, "network-acl", id, err), "Entries");
}

int ec2_CreateNetworkAclEntry(struct call *call, struct err *err)
{
    bool is_egress = false;
    int number = 0;
    size_t index = 0;
    json_t *entries = edit_entries(call, entry_members, &is_egress, &number, err);
    json_auto_t *entry = entries ? read_entry(call, number, err) : NULL;
    if (!entry)
        return -1;
    if (find_entry(entries, is_egress, number, &index))
        return err_aws(err, "NetworkAclEntryAlreadyExists",
                       "The network acl entry identified by %d already exists.", number);
    if (count_direction(entries, is_egress) >= ENTRIES_PER_DIRECTION_MAX)
        return err_aws(err, "NetworkAclEntryLimitExceeded",
                       "The maximum number of network acl entries has been reached.");
    json_array_insert(entries, index, entry);
    return 0;
}

int ec2_ReplaceNetworkAclEntry(struct call *call, struct err *err)
{
    bool is_egress = false;
    int number = 0;
    size_t index = 0;
    json_t *entries = edit_entries(call, entry_members, &is_egress, &number, err);
    json_auto_t *entry = entries ? read_entry(call, number, err) : NULL;
    if (!entry)
        return -1;
    if (!find_entry(entries, is_egress, number, &index))
        return not_found(is_egress, number, err);
    json_array_set(entries, index, entry);
    return 0;
}

int ec2_DeleteNetworkAclEntry(struct call *call, struct err *err)
{
    bool is_egress = false;
    int number = 0;
    size_t index = 0;
    json_t *entries =
        edit_entries(call, "NetworkAclId RuleNumber Egress", &is_egress, &number, err);
    if (!entries)
        return -1;
    if (!find_entry(entries, is_egress, number, &index))
        return not_found(is_egress, number, err);
    json_array_remove(entries, index);
    return 0;
}
