#include "wire/nflog.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

enum {
    IPV4_HEADER_SIZE = 20,
    PORTS_SIZE = 4,
    TCP_FLAGS_AT = 13,
    OFFSET_MASK = 0x1fff, /* of a fragment, in units of 8 bytes */
    PACKET_TYPE = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET,
};

static uint16_t read16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t read32(const uint8_t *at)
{
    return (uint32_t)read16(at) << 16 | read16(at + 2);
}

static void read_ports(const uint8_t *at, size_t size, struct nflog_packet *packet)
{
    if ((packet->protocol != IPPROTO_TCP && packet->protocol != IPPROTO_UDP) || size < PORTS_SIZE)
        return;
    packet->source_port = read16(at);
    packet->destination_port = read16(at + 2);
    if (packet->protocol == IPPROTO_TCP && size > TCP_FLAGS_AT)
        packet->tcp_flags = at[TCP_FLAGS_AT];
}

static bool read_ipv4(const uint8_t *at, size_t size, struct nflog_packet *packet)
{
    if (size < IPV4_HEADER_SIZE || at[0] >> 4 != 4)
        return false;
    size_t header_size = (size_t)(at[0] & 15) * 4;
    packet->size = read16(at + 2);
    packet->protocol = at[9];
    packet->source = read32(at + 12);
    packet->destination = read32(at + 16);
    if (header_size < IPV4_HEADER_SIZE || packet->size < header_size)
        return false;
    if (header_size <= size && !(read16(at + 6) & OFFSET_MASK))
        read_ports(at + header_size, size - header_size, packet);
    return true;
}

static void read_prefix(const uint8_t *at, size_t size, struct nflog_packet *packet)
{
    size_t length = strnlen((const char *)at, size);
    if (length < sizeof packet->prefix)
        memcpy(packet->prefix, at, length);
}

/* The attributes of a message; whether they had a packet. */
static bool read_attributes(const uint8_t *at, size_t left, struct nflog_packet *packet)
{
    struct nlattr attribute;
    bool found = false;
    memset(packet, 0, sizeof *packet);
    while (left >= sizeof attribute) {
        memcpy(&attribute, at, sizeof attribute);
        if (attribute.nla_len < sizeof attribute || attribute.nla_len > left)
            return found;
        const uint8_t *value = at + sizeof attribute;
        size_t size = attribute.nla_len - sizeof attribute,
               step = NLA_ALIGN((size_t)attribute.nla_len);
        if ((attribute.nla_type & NLA_TYPE_MASK) == NFULA_PREFIX)
            read_prefix(value, size, packet);
        else if ((attribute.nla_type & NLA_TYPE_MASK) == NFULA_PAYLOAD)
            found = read_ipv4(value, size, packet);
        if (step >= left)
            return found;
        at += step;
        left -= step;
    }
    return found;
}

bool nflog_next(const uint8_t **at, size_t *left, struct nflog_packet *packet)
{
    struct nlmsghdr header;
    const size_t head_size = sizeof header + sizeof(struct nfgenmsg);
    while (*left >= sizeof header) {
        memcpy(&header, *at, sizeof header);
        if (header.nlmsg_len < sizeof header || header.nlmsg_len > *left)
            return false;
        const uint8_t *message = *at;
        size_t step = NLMSG_ALIGN((size_t)header.nlmsg_len);
        step = step < *left ? step : *left;
        *at += step;
        *left -= step;
        if (header.nlmsg_type == PACKET_TYPE && header.nlmsg_len >= head_size &&
            read_attributes(message + head_size, header.nlmsg_len - head_size, packet))
            return true;
    }
    return false;
}
