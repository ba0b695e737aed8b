#include "service/accept.h"
#include "service/ec2/describe.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/tags.h"
#include "service/ec2/vpc.h"

#include <string.h>

static const char kind[] = "internet-gateway";

enum { GATEWAYS_MAX = 5 };

const json_t *ec2_internet_gateway_make(struct call *call, json_t *tags)
{
    char id[32];
    call_make_id(call, "igw", id);
    json_t *gateway =
        json_pack("{s:s, s:s, s:[], s:o}", "InternetGatewayId", id, "OwnerId", call->account,
                  "Attachments", "Tags", tags ? json_deep_copy(tags) : json_array());
    txn_put(call->txn, kind, call->region, id, gateway);
    return gateway;
}

void ec2_internet_gateway_attach(struct call *call, const char *gateway, const char *vpc)
{
    json_t *doc = txn_edit(call->txn, kind, call->region, gateway);
    json_object_set_new(doc, "Attachments",
                        json_pack("[{s:s, s:s}]", "State", "available", "VpcId", vpc));
}

bool ec2_internet_gateway_is_attached(const struct call *call, const char *gateway, const char *vpc)
{
    return ec2_path_has(store_get(call->store, kind, call->region, gateway), "Attachments.VpcId",
                        vpc);
}

int ec2_CreateInternetGateway(struct call *call, struct err *err)
{
    if (call_accept(call->in, "TagSpecifications", err) < 0 ||
        ec2_limit(call, kind, NULL, NULL, GATEWAYS_MAX, "InternetGatewayLimitExceeded", err) < 0)
        return -1;
    json_auto_t *tags = ec2_tags_on_creation(call, kind, kind, err);
    if (!tags)
        return -1;
    const json_t *gateway = ec2_internet_gateway_make(call, tags);
    json_object_set(call->out, "InternetGateway", (json_t *)(uintptr_t)gateway);
    return 0;
}

/* Reads the gateway and the VPC that a request names. */
static int find_both(const struct call *call, const json_t **ret_gateway, const char **ret_vpc,
                     struct err *err)
{
    if (call_accept(call->in, "InternetGatewayId VpcId", err) < 0)
        return -1;
    const char *id = ec2_required(call, "InternetGatewayId", err);
    const char *vpc = id ? ec2_required(call, "VpcId", err) : NULL;
    *ret_gateway = vpc ? ec2_find(call, kind, id, err) : NULL;
    *ret_vpc = vpc;
    return *ret_gateway && ec2_find(call, "vpc", vpc, err) ? 0 : -1;
}

int ec2_AttachInternetGateway(struct call *call, struct err *err)
{
    const json_t *gateway;
    const char *vpc;
    if (find_both(call, &gateway, &vpc, err) < 0)
        return -1;
    const char *id = ec2_text(gateway, "InternetGatewayId");
    if (json_array_size(json_object_get(gateway, "Attachments")) > 0)
        return err_aws(
            err, "Resource.AlreadyAssociated", "resource %s is already attached to network %s", id,
            ec2_text(json_array_get(json_object_get(gateway, "Attachments"), 0), "VpcId"));
    if (ec2_first(call, kind, "Attachments.VpcId", vpc))
        return err_aws(err, "InvalidParameterValue",
                       "Network %s already has an internet gateway attached", vpc);
    ec2_internet_gateway_attach(call, id, vpc);
    return 0;
}

/* While an interface has a public address, its VPC keeps its gateway. */
static bool has_public_addresses(const struct call *call, const char *vpc)
{
    store_each (cursor, call->store, "network-interface", call->region) {
        if (!strcmp(ec2_text(cursor.doc, "VpcId"), vpc) &&
            json_object_get(cursor.doc, "Association"))
            return true;
    }
    return false;
}

int ec2_DetachInternetGateway(struct call *call, struct err *err)
{
    const json_t *gateway;
    const char *vpc;
    if (find_both(call, &gateway, &vpc, err) < 0)
        return -1;
    const char *id = ec2_text(gateway, "InternetGatewayId");
    if (!ec2_internet_gateway_is_attached(call, id, vpc))
        return err_aws(err, "Gateway.NotAttached", "resource %s is not attached to network %s", id,
                       vpc);
    if (has_public_addresses(call, vpc))
        return err_aws(err, "DependencyViolation",
                       "Network %s has some mapped public address(es). Please unmap those public "
                       "address(es) before detaching the gateway.",
                       vpc);
    json_object_set_new(txn_edit(call->txn, kind, call->region, id), "Attachments", json_array());
    return 0;
}

int ec2_DeleteInternetGateway(struct call *call, struct err *err)
{
    if (call_accept(call->in, "InternetGatewayId", err) < 0)
        return -1;
    const char *id = ec2_required(call, "InternetGatewayId", err);
    const json_t *gateway = id ? ec2_find(call, kind, id, err) : NULL;
    if (!gateway)
        return -1;
    if (json_array_size(json_object_get(gateway, "Attachments")) > 0)
        return err_aws(err, "DependencyViolation",
                       "The internetGateway '%s' has dependencies and cannot be deleted.", id);
    txn_delete(call->txn, kind, call->region, id);
    return 0;
}

int ec2_DescribeInternetGateways(struct call *call, struct err *err)
{
    static const struct ec2_filter filters[] = {
        {"attachment.state", "Attachments.State"},
        {"attachment.vpc-id", "Attachments.VpcId"},
        {"internet-gateway-id", "InternetGatewayId"},
        {"owner-id", "OwnerId"},
        {NULL, NULL},
    };
    static const struct ec2_describe describe = {
        .kind = kind,
        .list = "InternetGateways",
        .selectors = {{"InternetGatewayIds", "InternetGatewayId", kind}},
        .filters = filters,
    };
    if (call_accept(call->in, "Filters InternetGatewayIds MaxResults NextToken", err) < 0)
        return -1;
    return ec2_describe(call, &describe, err);
}
