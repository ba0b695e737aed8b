#include "host/net/route.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void route_set_add(struct route_set *set, const struct route *route)
{
    if (set->count % 64 == 0) {
        struct route *larger = realloc(set->items, (set->count + 64) * sizeof(*larger));
        if (!larger) {
            set->failed = true;
            return;
        }
        set->items = larger;
    }
    set->items[set->count++] = *route;
}

void route_set_reset(struct route_set *set)
{
    free(set->items);
    memset(set, 0, sizeof(*set));
}

/* ---- one at a time ---- */

static void build_address(struct rtnl_request *request, bool add, const struct route *route)
{
    struct ifaddrmsg message = {
        .ifa_family = AF_INET, .ifa_prefixlen = (uint8_t)route->prefix, .ifa_index = route->link};
    if (add)
        rtnl_begin(request, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &message, sizeof(message));
    else
        rtnl_begin(request, RTM_DELADDR, 0, &message, sizeof(message));
    rtnl_put_address(request, IFA_LOCAL, route->network);
    rtnl_put_address(request, IFA_ADDRESS, route->network);
}

static void build_route(struct rtnl_request *request, bool add, const struct route *route)
{
    struct rtmsg message = {.rtm_family = AF_INET,
                            .rtm_dst_len = (uint8_t)route->prefix,
                            .rtm_table = RT_TABLE_UNSPEC,
                            .rtm_protocol = RTPROT_STATIC,
                            .rtm_type = (uint8_t)route->type,
                            .rtm_flags = route->gateway ? RTNH_F_ONLINK : 0,
                            .rtm_scope =
                                route->link && !route->gateway ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE};
    if (add)
        rtnl_begin(request, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &message, sizeof(message));
    else
        rtnl_begin(request, RTM_DELROUTE, 0, &message, sizeof(message));
    mnl_attr_put_u32(request->header, RTA_TABLE, route->table);
    if (route->prefix)
        rtnl_put_address(request, RTA_DST, route->network);
    if (route->link)
        mnl_attr_put_u32(request->header, RTA_OIF, route->link);
    if (route->gateway)
        rtnl_put_address(request, RTA_GATEWAY, route->gateway);
    if (route->source)
        rtnl_put_address(request, RTA_PREFSRC, route->source);
    if (route->priority)
        mnl_attr_put_u32(request->header, RTA_PRIORITY, route->priority);
}

static void build_rule(struct rtnl_request *request, bool add, const struct route *rule)
{
    struct fib_rule_hdr message = {.family = AF_INET,
                                   .src_len = (uint8_t)rule->prefix,
                                   .dst_len = (uint8_t)rule->target_prefix,
                                   .action = (uint8_t)rule->type};
    if (add)
        rtnl_begin(request, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, &message, sizeof(message));
    else
        rtnl_begin(request, RTM_DELRULE, 0, &message, sizeof(message));
    mnl_attr_put_u32(request->header, FRA_PRIORITY, rule->priority);
    if (rule->table)
        mnl_attr_put_u32(request->header, FRA_TABLE, rule->table);
    if (rule->prefix)
        rtnl_put_address(request, FRA_SRC, rule->network);
    if (rule->target_prefix)
        rtnl_put_address(request, FRA_DST, rule->target);
    if (*rule->from)
        mnl_attr_put_strz(request->header, FRA_IIFNAME, rule->from);
}

static void build(struct rtnl_request *request, bool add, const struct route *route)
{
    if (route->sort == SORT_ADDRESS)
        build_address(request, add, route);
    else if (route->sort == SORT_ROUTE)
        build_route(request, add, route);
    else
        build_rule(request, add, route);
}

int route_add(struct rtnl *rtnl, const struct route *route, struct err *err)
{
    struct rtnl_request request;
    build(&request, true, route);
    return rtnl_do(rtnl, &request, EEXIST, "cannot add an address, route or rule", err);
}

/* What the kernel says of something that is not there depends on what it is. */
static int absent(const struct route *route)
{
    static const int errors[] = {
        [SORT_ADDRESS] = EADDRNOTAVAIL, [SORT_ROUTE] = ESRCH, [SORT_RULE] = ENOENT};
    return errors[route->sort];
}

int route_delete(struct rtnl *rtnl, const struct route *route, struct err *err)
{
    struct rtnl_request request;
    build(&request, false, route);
    return rtnl_do(rtnl, &request, absent(route), "cannot delete an address, route or rule", err);
}

/* ---- sets ---- */

static int compare(const void *left, const void *right)
{
    return memcmp(left, right, sizeof(struct route));
}

/* Sorts and drops repetitions (two subnets with the same rule, say). */
static void normalise(struct route_set *set)
{
    size_t kept = 0;
    if (set->count == 0)
        return;
    qsort(set->items, set->count, sizeof(*set->items), compare);
    for (size_t i = 1; i < set->count; i++)
        if (compare(&set->items[kept], &set->items[i]) != 0)
            set->items[++kept] = set->items[i];
    set->count = kept + 1;
}

static bool contains(const struct route_set *set, const struct route *route)
{
    return set->count && bsearch(route, set->items, set->count, sizeof(*route), compare);
}

int route_set_apply(struct rtnl *rtnl, struct route_set *current, struct route_set *desired,
                    struct err *err)
{
    struct route_set now = {0};
    int result = 0;

    if (desired->failed || current->failed)
        return err_set(err, "out of memory");
    normalise(current);
    normalise(desired);
    for (size_t i = 0; i < desired->count; i++) {
        const struct route *route = &desired->items[i];
        if (result >= 0 && !contains(current, route))
            result = route_add(rtnl, route, err);
        if (result >= 0 || contains(current, route))
            route_set_add(&now, route);
    }
    for (size_t i = 0; i < current->count; i++) {
        const struct route *route = &current->items[i];
        if (contains(desired, route))
            continue;
        if (result >= 0)
            result = route_delete(rtnl, route, err);
        if (result < 0)
            route_set_add(&now, route);
    }
    route_set_reset(current);
    *current = now;
    return result;
}

/* ---- what is there ---- */

struct loading {
    struct route_set *set;
    route_filter *filter;
    const void *owner;
};

static void take(struct loading *loading, const struct route *route)
{
    if (loading->filter(route, loading->owner))
        route_set_add(loading->set, route);
}

static uint32_t get_address(const struct nlattr *attribute)
{
    return ntohl(mnl_attr_get_u32(attribute));
}

static int on_address(const struct nlmsghdr *header, void *owner)
{
    const struct ifaddrmsg *message = mnl_nlmsg_get_payload(header);
    struct route route = {
        .sort = SORT_ADDRESS, .prefix = message->ifa_prefixlen, .link = message->ifa_index};
    const struct nlattr *attribute;

    mnl_attr_for_each (attribute, header, sizeof(*message)) {
        if (mnl_attr_get_type(attribute) == IFA_LOCAL)
            route.network = get_address(attribute);
    }
    take(owner, &route);
    return MNL_CB_OK;
}

static int on_route(const struct nlmsghdr *header, void *owner)
{
    const struct rtmsg *message = mnl_nlmsg_get_payload(header);
    struct route route = {
        .sort = SORT_ROUTE, .prefix = message->rtm_dst_len, .type = message->rtm_type};
    const struct nlattr *attribute;

    mnl_attr_for_each (attribute, header, sizeof(*message)) {
        switch (mnl_attr_get_type(attribute)) {
        case RTA_TABLE:
            route.table = mnl_attr_get_u32(attribute);
            break;
        case RTA_DST:
            route.network = get_address(attribute);
            break;
        case RTA_OIF:
            route.link = mnl_attr_get_u32(attribute);
            break;
        case RTA_GATEWAY:
            route.gateway = get_address(attribute);
            break;
        case RTA_PRIORITY:
            route.priority = mnl_attr_get_u32(attribute);
            break;
        case RTA_PREFSRC:
            route.source = get_address(attribute);
            break;
        default:
            break;
        }
    }
    take(owner, &route);
    return MNL_CB_OK;
}

static int on_rule(const struct nlmsghdr *header, void *owner)
{
    const struct fib_rule_hdr *message = mnl_nlmsg_get_payload(header);
    struct route rule = {.sort = SORT_RULE,
                         .prefix = message->src_len,
                         .target_prefix = message->dst_len,
                         .type = message->action};
    const struct nlattr *attribute;

    mnl_attr_for_each (attribute, header, sizeof(*message)) {
        switch (mnl_attr_get_type(attribute)) {
        case FRA_PRIORITY:
            rule.priority = mnl_attr_get_u32(attribute);
            break;
        case FRA_TABLE:
            rule.table = mnl_attr_get_u32(attribute);
            break;
        case FRA_SRC:
            rule.network = get_address(attribute);
            break;
        case FRA_DST:
            rule.target = get_address(attribute);
            break;
        case FRA_IIFNAME:
            snprintf(rule.from, sizeof(rule.from), "%s", mnl_attr_get_str(attribute));
            break;
        default:
            break;
        }
    }
    take(owner, &rule);
    return MNL_CB_OK;
}

int route_set_load(struct rtnl *rtnl, struct route_set *set, route_filter *filter,
                   const void *owner, struct err *err)
{
    static const struct {
        uint16_t type;
        mnl_cb_t on_message;
        size_t fixed_size;
    } dumps[] = {{RTM_GETADDR, on_address, sizeof(struct ifaddrmsg)},
                 {RTM_GETROUTE, on_route, sizeof(struct rtmsg)},
                 {RTM_GETRULE, on_rule, sizeof(struct fib_rule_hdr)}};
    struct loading loading = {.set = set, .filter = filter, .owner = owner};
    /* Each of the fixed parts begins with the address family. */
    union {
        unsigned char family;
        struct ifaddrmsg address;
        struct rtmsg route;
        struct fib_rule_hdr rule;
    } fixed;

    memset(&fixed, 0, sizeof(fixed));
    fixed.family = AF_INET;
    for (size_t i = 0; i < sizeof(dumps) / sizeof(*dumps); i++) {
        struct rtnl_request request;
        rtnl_begin(&request, dumps[i].type, NLM_F_DUMP, &fixed, dumps[i].fixed_size);
        if (rtnl_query(rtnl, &request, dumps[i].on_message, &loading,
                       "cannot list addresses, routes and rules", err) < 0)
            return -1;
    }
    return set->failed ? err_set(err, "out of memory") : 0;
}
