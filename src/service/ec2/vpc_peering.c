/*
 * VPC peering connections, between VPCs of one account and region. A request is pending until it is
 * accepted, rejected, deleted or a week old; one that cannot be is failed from the start. What is
 * over is shown for a while and then forgotten. The blocks of both VPCs are filled in when shown.
 */
#include "service/ec2/vpc_peering.h"

#include "service/accept.h"
#include "service/ec2/describe.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/tags.h"
#include "service/ec2/vpc.h"
#include "service/ec2/vpc_block.h"

#include <string.h>

static const char kind[] = "vpc-peering-connection";
static const char *const sides[] = {"RequesterVpcInfo", "AccepterVpcInfo"};

enum { HOUR_MS = 3600 * 1000, ACTIVE_PER_VPC_MAX = 50, OUTSTANDING_MAX = 25 };

static const int64_t pending_ms = INT64_C(7) * 24 * HOUR_MS;
static const int64_t refused_ms = INT64_C(2) * 24 * HOUR_MS; /* shown when rejected or expired */
static const int64_t over_ms = INT64_C(2) * HOUR_MS;         /* shown when deleted or failed */

/* ---- what others ask ---- */

static int64_t expiration_ms(const json_t *peering)
{
    return (int64_t)(json_number_value(json_object_get(peering, "ExpirationTime")) * 1000);
}

const char *ec2_peering_state(const struct call *call, const json_t *peering)
{
    const char *code = ec2_text(json_object_get(peering, "Status"), "Code");
    if (!strcmp(code, "pending-acceptance") && expiration_ms(peering) <= call->now_ms)
        return "expired";
    return code;
}

static bool is_state(const struct call *call, const json_t *peering, const char *state)
{
    return !strcmp(ec2_peering_state(call, peering), state);
}

bool ec2_peering_has(const json_t *peering, const char *vpc)
{
    return ec2_path_has(json_object_get(peering, sides[0]), "VpcId", vpc) ||
           ec2_path_has(json_object_get(peering, sides[1]), "VpcId", vpc);
}

/* The connection between both in this state; NULL if there is none. */
static const json_t *find_between(const struct call *call, const char *vpc, const char *other,
                                  const char *state)
{
    store_each (cursor, call->store, kind, call->region) {
        if (ec2_peering_has(cursor.doc, vpc) && ec2_peering_has(cursor.doc, other) &&
            is_state(call, cursor.doc, state))
            return cursor.doc;
    }
    return NULL;
}

const json_t *ec2_peering_between(const struct call *call, const char *vpc, const char *other)
{
    return find_between(call, vpc, other, "active");
}

static size_t count_of(const struct call *call, const char *vpc, const char *state)
{
    size_t count = 0;
    store_each (cursor, call->store, kind, call->region) {
        count += ec2_peering_has(cursor.doc, vpc) && is_state(call, cursor.doc, state);
    }
    return count;
}

bool ec2_peering_is_used(const struct call *call, const char *vpc)
{
    return count_of(call, vpc, "active") || count_of(call, vpc, "pending-acceptance");
}

bool ec2_peering_overlaps(const struct call *call, const char *vpc, struct cidr cidr)
{
    store_each (cursor, call->store, "vpc", call->region) {
        if (strcmp(cursor.id, vpc) && ec2_vpc_overlaps(cursor.doc, cidr) &&
            ec2_peering_between(call, vpc, cursor.id))
            return true;
    }
    return false;
}

/* ---- show ---- */

static void show_side(const struct call *call, json_t *shown, const char *side)
{
    size_t i;
    const json_t *association;
    json_t *info = json_copy(json_object_get(shown, side)), *blocks = json_array();
    const json_t *vpc = store_get(call->store, "vpc", call->region, ec2_text(info, "VpcId"));
    json_array_foreach (json_object_get(vpc, "CidrBlockAssociationSet"), i, association)
        json_array_append_new(
            blocks, json_pack("{s:O}", "CidrBlock", json_object_get(association, "CidrBlock")));
    if (vpc) {
        json_object_set(info, "CidrBlock", json_object_get(vpc, "CidrBlock"));
        json_object_set(info, "CidrBlockSet", blocks);
    }
    json_decref(blocks);
    json_object_set_new(shown, side, info);
}

static json_t *show(const struct call *call, const json_t *peering)
{
    const char *state = ec2_peering_state(call, peering);
    int64_t forget_ms = json_integer_value(json_object_get(peering, "_forget_ms"));
    if (!strcmp(state, "expired"))
        forget_ms = expiration_ms(peering) + refused_ms;
    if (forget_ms && forget_ms <= call->now_ms)
        return NULL;
    json_t *shown = json_copy((json_t *)(uintptr_t)peering);
    if (!strcmp(state, "expired"))
        json_object_set_new(shown, "Status",
                            json_pack("{s:s, s:s}", "Code", state, "Message", "Expired"));
    show_side(call, shown, sides[0]);
    if (!strcmp(state, "active"))
        show_side(call, shown, sides[1]);
    return shown;
}

/* The connection that the request names, if it is still shown. */
static const json_t *find_shown(const struct call *call, struct err *err)
{
    const char *id = ec2_required(call, "VpcPeeringConnectionId", err);
    const json_t *peering = id ? ec2_find(call, kind, id, err) : NULL;
    json_auto_t *shown = peering ? show(call, peering) : NULL;
    if (peering && !shown)
        ec2_id_not_found(kind, id, err);
    return shown ? peering : NULL;
}

/* ---- CreateVpcPeeringConnection ---- */

static void set_status(json_t *peering, const char *code, json_t *message)
{
    json_object_set_new(peering, "Status",
                        json_pack("{s:s, s:o}", "Code", code, "Message", message));
}

static json_t *make_side(const struct call *call, const char *vpc, const char *owner)
{
    return json_pack("{s:s, s:s, s:s, s:{s:b, s:b, s:b}}", "VpcId", vpc, "OwnerId", owner, "Region",
                     call->region, "PeeringOptions", "AllowDnsResolutionFromRemoteVpc", 0,
                     "AllowEgressFromLocalClassicLinkToRemoteVpc", 0,
                     "AllowEgressFromLocalVpcToRemoteClassicLink", 0);
}

static bool can_be(const struct call *call, const json_t *vpc, const char *peer_id,
                   const char *owner)
{
    size_t i;
    const json_t *association;
    const json_t *peer = store_get(call->store, "vpc", call->region, peer_id);
    if (!peer || strcmp(owner, call->account))
        return false;
    json_array_foreach (json_object_get(peer, "CidrBlockAssociationSet"), i, association) {
        struct cidr cidr = {0};
        cidr_parse(ec2_text(association, "CidrBlock"), &cidr);
        if (ec2_vpc_overlaps(vpc, cidr))
            return false;
    }
    return true;
}

/* What is not shown any more goes when something new comes. */
static void forget_old(struct call *call)
{
    json_auto_t *ids = json_array();
    size_t i;
    const json_t *id;
    store_each (cursor, call->store, kind, call->region) {
        json_auto_t *shown = show(call, cursor.doc);
        if (!shown)
            json_array_append_new(ids, json_string(cursor.id));
    }
    json_array_foreach (ids, i, id)
        txn_delete(call->txn, kind, call->region, json_string_value(id));
}

static int check_creation(const struct call *call, const char *vpc, const char *peer,
                          struct err *err)
{
    if (find_between(call, vpc, peer, "active") ||
        find_between(call, vpc, peer, "pending-acceptance"))
        return err_aws(err, "VpcPeeringConnectionAlreadyExists",
                       "A VPC peering connection between the VPCs already exists.");
    if (count_of(call, vpc, "pending-acceptance") + count_of(call, vpc, "failed") >=
        OUTSTANDING_MAX)
        return err_aws(err, "OutstandingVpcPeeringConnectionLimitExceeded",
                       "The maximum number of outstanding VPC peering connection requests (%d) has "
                       "been reached.",
                       OUTSTANDING_MAX);
    return 0;
}

static json_t *make_document(struct call *call, const json_t *vpc, const char *peer,
                             const char *owner, json_t *tags)
{
    char id[32];
    bool possible = can_be(call, vpc, peer, owner);
    call_make_id(call, "pcx", id);
    json_t *peering = json_pack("{s:s, s:o, s:o, s:f, s:O}", "VpcPeeringConnectionId", id, sides[0],
                                make_side(call, ec2_text(vpc, "VpcId"), call->account), sides[1],
                                make_side(call, peer, owner), "ExpirationTime",
                                (double)(call->now_ms + pending_ms) / 1000, "Tags", tags);
    if (possible)
        set_status(peering, "pending-acceptance", json_sprintf("Pending Acceptance by %s", owner));
    else
        set_status(peering, "failed",
                   json_string("Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR "
                               "range"));
    if (!possible)
        json_object_set_new(peering, "_forget_ms", json_integer(call->now_ms + over_ms));
    return peering;
}

/* Answers with a state that passes at once. */
static void answer(struct call *call, const json_t *peering, const char *code, json_t *message)
{
    json_t *shown = show(call, peering);
    set_status(shown, code, message);
    json_object_set_new(call->out, "VpcPeeringConnection", shown);
}

int ec2_CreateVpcPeeringConnection(struct call *call, struct err *err)
{
    json_auto_t *rest = json_copy((json_t *)(uintptr_t)call->in);
    const char *region = ec2_text(call->in, "PeerRegion");
    if (region && !strcmp(region, call->region))
        json_object_del(rest, "PeerRegion");
    if (call_accept(rest, "VpcId PeerVpcId PeerOwnerId TagSpecifications", err) < 0)
        return -1;
    const char *id = ec2_required(call, "VpcId", err);
    const char *peer = id ? ec2_required(call, "PeerVpcId", err) : NULL;
    const char *owner = ec2_text(call->in, "PeerOwnerId");
    const json_t *vpc = peer ? ec2_find(call, "vpc", id, err) : NULL;
    if (!vpc || ec2_id_check("vpc", peer, err) < 0 || check_creation(call, id, peer, err) < 0)
        return -1;
    json_auto_t *tags = ec2_tags_on_creation(call, kind, kind, err);
    if (!tags)
        return -1;
    forget_old(call);
    json_t *peering = make_document(call, vpc, peer, owner ? owner : call->account, tags);
    txn_put(call->txn, kind, call->region, ec2_text(peering, "VpcPeeringConnectionId"), peering);
    answer(call, peering, "initiating-request",
           json_sprintf("Initiating Request to %s", owner ? owner : call->account));
    return 0;
}

/* ---- from state to state ---- */

static int refuse_move(const struct call *call, const json_t *peering, const char *to,
                       struct err *err)
{
    return err_aws(err, "InvalidStateTransition",
                   "Invalid state transition for %s, attempted to transition from %s to %s",
                   ec2_text(peering, "VpcPeeringConnectionId"), ec2_peering_state(call, peering),
                   to);
}

static json_t *edit(struct call *call, const json_t *peering)
{
    return txn_edit(call->txn, kind, call->region, ec2_text(peering, "VpcPeeringConnectionId"));
}

int ec2_AcceptVpcPeeringConnection(struct call *call, struct err *err)
{
    if (call_accept(call->in, "VpcPeeringConnectionId", err) < 0)
        return -1;
    const json_t *found = find_shown(call, err);
    if (!found)
        return -1;
    if (!is_state(call, found, "pending-acceptance"))
        return refuse_move(call, found, "provisioning", err);
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++)
        if (count_of(call, ec2_text(json_object_get(found, sides[i]), "VpcId"), "active") >=
            ACTIVE_PER_VPC_MAX)
            return err_aws(err, "ActiveVpcPeeringConnectionPerVpcLimitExceeded",
                           "The maximum number of active VPC peering connections per VPC (%d) has "
                           "been reached.",
                           ACTIVE_PER_VPC_MAX);
    json_t *peering = edit(call, found);
    json_object_del(peering, "ExpirationTime");
    set_status(peering, "active", json_string("Active"));
    answer(call, peering, "provisioning", json_string("Provisioning"));
    return 0;
}

/* Ends it in `code`, and shows it for a while. */
static void end(struct call *call, const json_t *found, const char *code, const char *how,
                int64_t shown_ms)
{
    json_t *peering = edit(call, found);
    json_object_del(peering, "ExpirationTime");
    set_status(peering, code, json_sprintf("%s by %s", how, call->account));
    json_object_set_new(peering, "_forget_ms", json_integer(call->now_ms + shown_ms));
    json_object_set_new(call->out, "Return", json_true());
}

int ec2_RejectVpcPeeringConnection(struct call *call, struct err *err)
{
    if (call_accept(call->in, "VpcPeeringConnectionId", err) < 0)
        return -1;
    const json_t *found = find_shown(call, err);
    if (!found)
        return -1;
    if (!is_state(call, found, "pending-acceptance"))
        return refuse_move(call, found, "rejected", err);
    end(call, found, "rejected", "Rejected", refused_ms);
    return 0;
}

int ec2_DeleteVpcPeeringConnection(struct call *call, struct err *err)
{
    if (call_accept(call->in, "VpcPeeringConnectionId", err) < 0)
        return -1;
    const json_t *found = find_shown(call, err);
    if (!found)
        return -1;
    if (!is_state(call, found, "pending-acceptance") && !is_state(call, found, "active"))
        return refuse_move(call, found, "deleting", err);
    end(call, found, "deleted", "Deleted", over_ms);
    return 0;
}

int ec2_DescribeVpcPeeringConnections(struct call *call, struct err *err)
{
    static const struct ec2_filter filters[] = {
        {"accepter-vpc-info.cidr-block", "AccepterVpcInfo.CidrBlock"},
        {"accepter-vpc-info.owner-id", "AccepterVpcInfo.OwnerId"},
        {"accepter-vpc-info.vpc-id", "AccepterVpcInfo.VpcId"},
        {"requester-vpc-info.cidr-block", "RequesterVpcInfo.CidrBlock"},
        {"requester-vpc-info.owner-id", "RequesterVpcInfo.OwnerId"},
        {"requester-vpc-info.vpc-id", "RequesterVpcInfo.VpcId"},
        {"status-code", "Status.Code"},
        {"status-message", "Status.Message"},
        {"vpc-peering-connection-id", "VpcPeeringConnectionId"},
        {"expiration-time", "ExpirationTime", true},
        {NULL, NULL},
    };
    static const struct ec2_describe describe = {
        .kind = kind,
        .list = "VpcPeeringConnections",
        .selectors = {{"VpcPeeringConnectionIds", "VpcPeeringConnectionId", kind}},
        .filters = filters,
        .show = show,
    };
    if (call_accept(call->in, "Filters VpcPeeringConnectionIds MaxResults NextToken", err) < 0)
        return -1;
    return ec2_describe(call, &describe, err);
}
