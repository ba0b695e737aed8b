/*
 * What nftables' `log group` tells of packets: netlink messages of the kernel, each with the prefix
 * of the rule and the first bytes of the packet, which somebody outside wrote. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NFLOG_PREFIX_SIZE = 64 };

/* Addresses and ports in host byte order. */
struct nflog_packet {
    char prefix[NFLOG_PREFIX_SIZE]; /* "" if it has none, or one that is longer */
    uint32_t source, destination;
    uint16_t source_port, destination_port; /* 0 where the protocol, or the fragment, has none */
    uint16_t size;                          /* of the whole packet, from its IPv4 header on */
    uint8_t protocol;
    uint8_t tcp_flags; /* as in the header; 0 of what is not TCP */
};

/*
 * Takes the next IPv4 packet out of a datagram of the kernel and moves `at` and `left` behind it.
 * False at the end, also if what follows has not the form of messages; what tells of no packet is
 * skipped.
 */
bool nflog_next(const uint8_t **at, size_t *left, struct nflog_packet *packet);
