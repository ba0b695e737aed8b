#include "service/ec2/vpc_block.h"

#include "service/accept.h"
#include "service/ec2/filter.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/vpc.h"
#include "service/ec2/vpc_peering.h"

#include <string.h>

enum { PREFIX_MIN = 16, PREFIX_MAX = 28, BLOCKS_PER_VPC_MAX = 5 };

/* Blocks that no VPC can have: here they name the loopback, the link, and the outside world. */
static const struct cidr reserved_blocks[] = {
    {0u << 24, 8},
    {127u << 24, 8},
    {169u << 24 | 254u << 16, 16},
    {224u << 24, 3},
};
static const struct cidr public_block = {100u << 24 | 64u << 16, 10};

/* ---- the blocks of a VPC ---- */

static struct cidr block_of(const json_t *doc)
{
    struct cidr cidr = {0};
    cidr_parse(ec2_text(doc, "CidrBlock"), &cidr);
    return cidr;
}

bool ec2_vpc_contains(const json_t *vpc, struct cidr cidr)
{
    size_t i;
    const json_t *association;
    json_array_foreach (json_object_get(vpc, "CidrBlockAssociationSet"), i, association)
        if (cidr_within(cidr, block_of(association)))
            return true;
    return false;
}

bool ec2_vpc_overlaps(const json_t *vpc, struct cidr cidr)
{
    size_t i;
    const json_t *association;
    json_array_foreach (json_object_get(vpc, "CidrBlockAssociationSet"), i, association)
        if (cidr_overlaps(cidr, block_of(association)))
            return true;
    return false;
}

int ec2_vpc_block_read(const char *text, struct cidr *ret, struct err *err)
{
    if (!cidr_parse(text, ret))
        return err_aws(err, "InvalidParameterValue",
                       "Value (%.64s) for parameter cidrBlock is invalid. This is not a valid CIDR "
                       "block.",
                       text);
    *ret = cidr_canonical(*ret);
    bool is_reserved = ret->prefix < PREFIX_MIN || ret->prefix > PREFIX_MAX;
    for (size_t i = 0; i < sizeof reserved_blocks / sizeof *reserved_blocks; i++)
        is_reserved = is_reserved || cidr_overlaps(*ret, reserved_blocks[i]);
    if (is_reserved)
        return err_aws(err, "InvalidVpc.Range", "The CIDR '%.64s' is invalid.", text);
    if (cidr_overlaps(*ret, public_block))
        return err_aws(
            err, "InvalidVpc.Range",
            "The CIDR '%.64s' is invalid: Pileus uses 100.64.0.0/10 for public addresses.", text);
    return 0;
}

json_t *ec2_vpc_block_associated(const struct call *call, const char *block)
{
    char suffix[17];
    call_make_hex16(call, suffix);
    return json_pack("{s:o, s:s, s:{s:s}}", "AssociationId",
                     json_sprintf("vpc-cidr-assoc-0%s", suffix), "CidrBlock", block,
                     "CidrBlockState", "State", "associated");
}

/* ---- AssociateVpcCidrBlock ---- */

/* Ranges of which a VPC may have blocks of one only; no other VPC may add one of these. */
static int private_range(struct cidr cidr)
{
    static const struct cidr ranges[] = {
        {10u << 24, 8},
        {172u << 24 | 16u << 16, 12},
        {192u << 24 | 168u << 16, 16},
        {198u << 24 | 19u << 16, 16},
    };
    for (int i = 0; i < (int)(sizeof ranges / sizeof *ranges); i++)
        if (cidr_overlaps(cidr, ranges[i]))
            return i;
    return -1;
}

static int check_range(const struct call *call, const json_t *vpc, struct cidr cidr,
                       const char *text, struct err *err)
{
    int range = private_range(cidr);
    if (range >= 0 && range != private_range(block_of(vpc)))
        return err_aws(err, "InvalidVpc.Range",
                       "The CIDR '%.64s' is restricted. Use a CIDR from the same private address "
                       "range as the current VPC CIDR, or use a publicly-routable CIDR.",
                       text);
    if (ec2_vpc_overlaps(vpc, cidr))
        return err_aws(err, "InvalidVpc.Range",
                       "The CIDR '%.64s' conflicts with another CIDR of the network %s.", text,
                       ec2_text(vpc, "VpcId"));
    if (ec2_peering_overlaps(call, ec2_text(vpc, "VpcId"), cidr))
        return err_aws(err, "InvalidVpc.Range",
                       "The CIDR '%.64s' conflicts with a CIDR of a peered network.", text);
    return 0;
}

/* A route of the VPC's tables that would lead inside from now on must be more general. */
static int check_routes(const struct call *call, const char *vpc, struct cidr cidr, struct err *err)
{
    store_each (table, call->store, "route-table", call->region) {
        size_t i;
        const json_t *route;
        if (strcmp(ec2_text(table.doc, "VpcId"), vpc))
            continue;
        json_array_foreach (json_object_get(table.doc, "Routes"), i, route) {
            struct cidr destination = {0};
            const char *text = ec2_text(route, "DestinationCidrBlock");
            if (text && cidr_parse(text, &destination) && cidr_within(destination, cidr))
                return err_aws(err, "InvalidVpc.Range",
                               "The CIDR is equal to or contains the destination %s of a route in "
                               "route table %s.",
                               text, table.id);
        }
    }
    return 0;
}

/* Each table of the VPC leads to the new block from now on; `is_added` false: no more. */
static void change_tables(struct call *call, const char *vpc, const char *block, bool is_added)
{
    json_auto_t *ids = json_array();
    size_t i;
    const json_t *id;
    store_each (table, call->store, "route-table", call->region) {
        if (!strcmp(ec2_text(table.doc, "VpcId"), vpc))
            json_array_append_new(ids, json_string(table.id));
    }
    json_array_foreach (ids, i, id) {
        json_t *edited = txn_edit(call->txn, "route-table", call->region, json_string_value(id));
        if (is_added)
            ec2_route_add(edited, block, "local", "CreateRouteTable");
        else
            ec2_route_remove(edited, block);
    }
}

/* The association as it is answered: it is in force at once, but AWS never says so here. */
static void answer(struct call *call, const char *vpc, const json_t *association, const char *state)
{
    json_t *shown = json_deep_copy(association);
    json_object_set_new(json_object_get(shown, "CidrBlockState"), "State", json_string(state));
    json_object_set_new(call->out, "CidrBlockAssociation", shown);
    json_object_set_new(call->out, "VpcId", json_string(vpc));
}

int ec2_AssociateVpcCidrBlock(struct call *call, struct err *err)
{
    char block[20];
    struct cidr cidr;
    if (call_accept(call->in, "VpcId CidrBlock", err) < 0)
        return -1;
    const char *id = ec2_required(call, "VpcId", err);
    const char *text = id ? ec2_required(call, "CidrBlock", err) : NULL;
    const json_t *vpc = text ? ec2_find(call, "vpc", id, err) : NULL;
    if (!vpc || ec2_vpc_block_read(text, &cidr, err) < 0 ||
        check_range(call, vpc, cidr, text, err) < 0 || check_routes(call, id, cidr, err) < 0)
        return -1;
    if (json_array_size(json_object_get(vpc, "CidrBlockAssociationSet")) >= BLOCKS_PER_VPC_MAX)
        return err_aws(err, "CidrLimitExceeded",
                       "This network '%s' has met its maximum number of allowed CIDRs: %d", id,
                       BLOCKS_PER_VPC_MAX);
    cidr_format(cidr, block);
    json_t *association = ec2_vpc_block_associated(call, block);
    json_array_append_new(
        json_object_get(txn_edit(call->txn, "vpc", call->region, id), "CidrBlockAssociationSet"),
        association);
    change_tables(call, id, block, true);
    answer(call, id, association, "associating");
    return 0;
}

/* ---- DisassociateVpcCidrBlock ---- */

static bool has_subnets(const struct call *call, const char *vpc, struct cidr cidr)
{
    store_each (subnet, call->store, "subnet", call->region) {
        if (!strcmp(ec2_text(subnet.doc, "VpcId"), vpc) && cidr_within(block_of(subnet.doc), cidr))
            return true;
    }
    return false;
}

int ec2_DisassociateVpcCidrBlock(struct call *call, struct err *err)
{
    static const char path[] = "CidrBlockAssociationSet.AssociationId";
    if (call_accept(call->in, "AssociationId", err) < 0)
        return -1;
    const char *id = ec2_required(call, "AssociationId", err);
    if (!id || ec2_id_check("vpc-cidr-block-association", id, err) < 0)
        return -1;
    const json_t *vpc = ec2_first(call, "vpc", path, id);
    if (!vpc)
        return ec2_id_not_found("vpc-cidr-block-association", id, err);
    size_t index = 0;
    const json_t *all = json_object_get(vpc, "CidrBlockAssociationSet");
    while (!ec2_path_has(json_array_get(all, index), "AssociationId", id))
        index++;
    if (index == 0)
        return err_aws(err, "OperationNotPermitted",
                       "The vpc CIDR block with association ID %s may not be disassociated. It is "
                       "the primary IPv4 CIDR block of the VPC",
                       id);
    const char *vpc_id = ec2_text(vpc, "VpcId");
    const json_t *association = json_array_get(all, index);
    if (has_subnets(call, vpc_id, block_of(association)))
        return err_aws(err, "DependencyViolation",
                       "The vpc CIDR block with association ID %s has dependencies and cannot be "
                       "disassociated.",
                       id);
    answer(call, vpc_id, association, "disassociating");
    change_tables(call, vpc_id, ec2_text(association, "CidrBlock"), false);
    json_array_remove(json_object_get(txn_edit(call->txn, "vpc", call->region, vpc_id),
                                      "CidrBlockAssociationSet"),
                      index);
    return 0;
}
