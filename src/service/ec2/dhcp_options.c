#include "service/ec2/dhcp_options.h"

#include "service/accept.h"
#include "service/doc.h"
#include "service/ec2/cidr.h"
#include "service/ec2/describe.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/tags.h"
#include "service/ec2/vpc.h"

#include <string.h>

static const char kind[] = "dhcp-options";

enum { SETS_MAX = 100, SERVERS_MAX = 4, DOMAIN_SIZE_MAX = 255 };

const char *ec2_dhcp_options_default(struct call *call)
{
    char id[32];
    store_each (cursor, call->store, kind, call->region)
        if (doc_flag(cursor.doc, "_is_default"))
            return ec2_text(cursor.doc, "DhcpOptionsId");
    call_make_id(call, "dopt", id);
    json_t *domain = strcmp(call->region, "us-east-1")
                         ? json_sprintf("%s.compute.internal", call->region)
                         : json_string("ec2.internal");
    json_t *doc =
        json_pack("{s:s, s:s, s:[], s:[{s:s, s:[{s:o}]}, {s:s, s:[{s:s}]}], s:b}", "DhcpOptionsId",
                  id, "OwnerId", call->account, "Tags", "DhcpConfigurations", "Key", "domain-name",
                  "Values", "Value", domain, "Key", "domain-name-servers", "Values", "Value",
                  "AmazonProvidedDNS", "_is_default", 1);
    txn_put(call->txn, kind, call->region, id, doc);
    return ec2_text(doc, "DhcpOptionsId");
}

/* ---- what a set may say ---- */

static int invalid(const char *value, const char *key, struct err *err)
{
    return err_aws(err, "InvalidParameterValue", "Value (%.255s) for parameter %.64s is invalid.",
                   value, key);
}

static bool is_domain(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "-. ";
    size_t size = strlen(text);
    return size > 0 && size <= DOMAIN_SIZE_MAX && strspn(text, allowed) == size;
}

static bool is_server(const char *key, const char *text)
{
    uint32_t address;
    return cidr_parse_address(text, &address) ||
           (!strcmp(key, "domain-name-servers") && !strcmp(text, "AmazonProvidedDNS"));
}

static bool is_node_type(const char *text)
{
    return strlen(text) == 1 && strchr("1248", *text);
}

static int check_values(const char *key, const json_t *values, struct err *err)
{
    bool one = !strcmp(key, "domain-name") || !strcmp(key, "netbios-node-type");
    size_t i, count = json_array_size(values);
    const json_t *value;
    if (count == 0 || count > (one ? 1 : SERVERS_MAX))
        return err_aws(err, "InvalidParameterValue", "The option %.64s takes 1 to %d values.", key,
                       one ? 1 : SERVERS_MAX);
    json_array_foreach (values, i, value) {
        const char *text = json_string_value(value);
        bool is_right = !strcmp(key, "domain-name")         ? is_domain(text)
                        : !strcmp(key, "netbios-node-type") ? is_node_type(text)
                                                            : is_server(key, text);
        if (!is_right)
            return invalid(text, key, err);
    }
    return 0;
}

static int check_key(const char *key, struct err *err)
{
    static const char *const keys[] = {"domain-name", "domain-name-servers", "ntp-servers",
                                       "netbios-name-servers", "netbios-node-type"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (key && !strcmp(keys[i], key))
            return 0;
    if (key && !strcmp(key, "ipv6-address-preferred-lease-time"))
        return err_aws(err, "UnsupportedOperation",
                       "The option %s is not supported by Pileus: there is no IPv6", key);
    return invalid(key ? key : "", "dhcpConfiguration key", err);
}

/* The DhcpConfigurations of a request, as they are shown: a new array; NULL and err. */
static json_t *read_configurations(const struct call *call, struct err *err)
{
    json_auto_t *configurations = json_array();
    size_t i, k;
    const json_t *option, *value;
    json_array_foreach (json_object_get(call->in, "DhcpConfigurations"), i, option) {
        const char *key = ec2_text(option, "Key");
        const json_t *values = json_object_get(option, "Values");
        if (check_key(key, err) < 0 || check_values(key, values, err) < 0)
            return NULL;
        if (ec2_path_has(configurations, "Key", key)) {
            err_aws(err, "InvalidParameterValue", "The option %s is given twice.", key);
            return NULL;
        }
        json_t *shown = json_array();
        json_array_foreach (values, k, value)
            json_array_append_new(shown, json_pack("{s:O}", "Value", value));
        json_array_append_new(configurations, json_pack("{s:s, s:o}", "Key", key, "Values", shown));
    }
    if (json_array_size(configurations))
        return json_incref(configurations);
    err_aws(err, "MissingParameter", "The request must contain the parameter dhcpConfigurationSet");
    return NULL;
}

/* ---- operations ---- */

int ec2_CreateDhcpOptions(struct call *call, struct err *err)
{
    char id[32];
    if (call_accept(call->in, "DhcpConfigurations TagSpecifications", err) < 0 ||
        ec2_limit(call, kind, NULL, NULL, SETS_MAX, "DhcpOptionsLimitExceeded", err) < 0)
        return -1;
    json_auto_t *configurations = read_configurations(call, err);
    json_auto_t *tags = configurations ? ec2_tags_on_creation(call, kind, kind, err) : NULL;
    if (!tags)
        return -1;
    call_make_id(call, "dopt", id);
    json_t *doc = json_pack("{s:s, s:s, s:O, s:O}", "DhcpOptionsId", id, "OwnerId", call->account,
                            "Tags", tags, "DhcpConfigurations", configurations);
    json_object_set(call->out, "DhcpOptions", doc);
    txn_put(call->txn, kind, call->region, id, doc);
    return 0;
}

int ec2_DeleteDhcpOptions(struct call *call, struct err *err)
{
    if (call_accept(call->in, "DhcpOptionsId", err) < 0)
        return -1;
    const char *id = ec2_required(call, "DhcpOptionsId", err);
    if (!id || !ec2_find(call, kind, id, err))
        return -1;
    if (ec2_first(call, "vpc", "DhcpOptionsId", id))
        return err_aws(err, "DependencyViolation",
                       "The dhcpOptions '%s' has dependencies and cannot be deleted.", id);
    txn_delete(call->txn, kind, call->region, id);
    return 0;
}

/* "default" is no set at all: instances are told nothing. */
int ec2_AssociateDhcpOptions(struct call *call, struct err *err)
{
    if (call_accept(call->in, "DhcpOptionsId VpcId", err) < 0)
        return -1;
    const char *id = ec2_required(call, "DhcpOptionsId", err);
    const char *vpc_id = id ? ec2_required(call, "VpcId", err) : NULL;
    if (!vpc_id || (strcmp(id, "default") && !ec2_find(call, kind, id, err)))
        return -1;
    json_t *vpc = ec2_edit(call, "vpc", vpc_id, err);
    if (!vpc)
        return -1;
    json_object_set_new(vpc, "DhcpOptionsId", json_string(id));
    return 0;
}

int ec2_DescribeDhcpOptions(struct call *call, struct err *err)
{
    static const struct ec2_filter filters[] = {
        {"dhcp-options-id", "DhcpOptionsId"},
        {"key", "DhcpConfigurations.Key"},
        {"owner-id", "OwnerId"},
        {"value", "DhcpConfigurations.Values.Value"},
        {NULL, NULL},
    };
    static const struct ec2_describe describe = {
        .kind = "dhcp-options",
        .list = "DhcpOptions",
        .selectors = {{"DhcpOptionsIds", "DhcpOptionsId", "dhcp-options"}},
        .filters = filters,
    };
    if (call_accept(call->in, "Filters DhcpOptionsIds MaxResults NextToken", err) < 0)
        return -1;
    return ec2_describe(call, &describe, err);
}
