#include "host/net/link.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/veth.h>
#include <net/if.h>
#include <string.h>

static void put_end(struct rtnl_request *request, const struct link_end *end)
{
    mnl_attr_put_strz(request->header, IFLA_IFNAME, end->name);
    mnl_attr_put(request->header, IFLA_ADDRESS, sizeof(end->mac), end->mac);
    if (end->namespace_fd >= 0)
        mnl_attr_put_u32(request->header, IFLA_NET_NS_FD, (uint32_t)end->namespace_fd);
    if (end->group)
        mnl_attr_put_u32(request->header, IFLA_GROUP, end->group);
}

int link_create(struct rtnl *rtnl, const struct link_end *here, const struct link_end *there,
                struct err *err)
{
    struct rtnl_request request;
    struct ifinfomsg link = {.ifi_family = AF_UNSPEC};

    rtnl_begin(&request, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &link, sizeof(link));
    put_end(&request, here);
    struct nlattr *info = mnl_attr_nest_start(request.header, IFLA_LINKINFO);
    mnl_attr_put_strz(request.header, IFLA_INFO_KIND, "veth");
    struct nlattr *data = mnl_attr_nest_start(request.header, IFLA_INFO_DATA);
    struct nlattr *peer = mnl_attr_nest_start(request.header, VETH_INFO_PEER);
    mnl_nlmsg_put_extra_header(request.header, sizeof(link));
    put_end(&request, there);
    mnl_attr_nest_end(request.header, peer);
    mnl_attr_nest_end(request.header, data);
    mnl_attr_nest_end(request.header, info);
    if (rtnl_do(rtnl, &request, 0, "the kernel refuses", err) < 0)
        return err_wrap(err, "cannot create link %s", here->name);
    return 0;
}

static void read_counters(const struct nlattr *attribute, struct net_counters *counters)
{
    struct rtnl_link_stats64 stats = {0};
    size_t size = mnl_attr_get_payload_len(attribute);

    memcpy(&stats, mnl_attr_get_payload(attribute), size < sizeof(stats) ? size : sizeof(stats));
    counters->received_bytes = stats.tx_bytes;
    counters->received_packets = stats.tx_packets;
    counters->sent_bytes = stats.rx_bytes;
    counters->sent_packets = stats.rx_packets;
}

static int on_link(const struct nlmsghdr *header, void *owner)
{
    const struct ifinfomsg *message = mnl_nlmsg_get_payload(header);
    struct link *link = owner;
    const struct nlattr *attribute;

    link->index = message->ifi_index;
    mnl_attr_for_each (attribute, header, sizeof(*message)) {
        if (mnl_attr_get_type(attribute) == IFLA_LINK)
            link->peer_index = (int)mnl_attr_get_u32(attribute);
        else if (mnl_attr_get_type(attribute) == IFLA_STATS64)
            read_counters(attribute, &link->counters);
        else if (mnl_attr_get_type(attribute) == IFLA_CARRIER)
            link->counters.down = !mnl_attr_get_u8(attribute);
    }
    return MNL_CB_OK;
}

int link_find(struct rtnl *rtnl, const char *name, struct link *link, struct err *err)
{
    struct rtnl_request request;
    struct ifinfomsg message = {.ifi_family = AF_UNSPEC};
    struct err failure = {0};

    memset(link, 0, sizeof(*link));
    rtnl_begin(&request, RTM_GETLINK, 0, &message, sizeof(message));
    mnl_attr_put_strz(request.header, IFLA_IFNAME, name);
    if (rtnl_query(rtnl, &request, on_link, link, "cannot look for a link", &failure) < 0 &&
        failure.number != ENODEV) {
        *err = failure;
        return -1;
    }
    return 0;
}

int link_up(struct rtnl *rtnl, int index, struct err *err)
{
    struct rtnl_request request;
    struct ifinfomsg link = {.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};

    rtnl_begin(&request, RTM_NEWLINK, 0, &link, sizeof(link));
    return rtnl_do(rtnl, &request, 0, "cannot bring a link up", err);
}

int link_delete(struct rtnl *rtnl, int index, struct err *err)
{
    struct rtnl_request request;
    struct ifinfomsg link = {.ifi_index = index};

    rtnl_begin(&request, RTM_DELLINK, 0, &link, sizeof(link));
    return rtnl_do(rtnl, &request, ENODEV, "cannot delete a link", err);
}

int link_delete_group(struct rtnl *rtnl, uint32_t group, struct err *err)
{
    struct rtnl_request request;
    struct ifinfomsg link = {.ifi_family = AF_UNSPEC};

    rtnl_begin(&request, RTM_DELLINK, 0, &link, sizeof(link));
    mnl_attr_put_u32(request.header, IFLA_GROUP, group);
    return rtnl_do(rtnl, &request, ENODEV, "cannot delete a group of links", err);
}

int link_add_address(struct rtnl *rtnl, int index, uint32_t address, unsigned prefix,
                     struct err *err)
{
    struct rtnl_request request;
    struct ifaddrmsg message = {
        .ifa_family = AF_INET, .ifa_prefixlen = (uint8_t)prefix, .ifa_index = (uint32_t)index};

    rtnl_begin(&request, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &message, sizeof(message));
    rtnl_put_address(&request, IFA_LOCAL, address);
    rtnl_put_address(&request, IFA_ADDRESS, address);
    return rtnl_do(rtnl, &request, EEXIST, "cannot add an address", err);
}

int link_add_neighbour(struct rtnl *rtnl, int index, uint32_t address, const uint8_t mac[6],
                       struct err *err)
{
    struct rtnl_request request;
    struct ndmsg message = {
        .ndm_family = AF_INET, .ndm_ifindex = index, .ndm_state = NUD_PERMANENT};

    rtnl_begin(&request, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &message, sizeof(message));
    rtnl_put_address(&request, NDA_DST, address);
    mnl_attr_put(request.header, NDA_LLADDR, 6, mac);
    return rtnl_do(rtnl, &request, 0, "cannot add a neighbour", err);
}
