/* Addresses and blocks as text. Numbers, which only IPv4 has, are in host byte order. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct cidr {
    uint32_t network;
    unsigned prefix; /* 0..32 */
};

/* "10.0.1.5"; four decimals without leading zeros. */
bool cidr_parse_address(const char *text, uint32_t *ret_address);
/* "10.0.0.0/16". Bits outside the prefix may be set; see cidr_canonical(). */
bool cidr_parse(const char *text, struct cidr *ret);
/* The same block with the bits outside the prefix cleared. */
struct cidr cidr_canonical(struct cidr cidr);
/* The highest address of a block. */
uint32_t cidr_last(struct cidr cidr);
bool cidr_contains(struct cidr cidr, uint32_t address);
bool cidr_overlaps(struct cidr a, struct cidr b);
/* Whether every address of `inner` is in `outer`. */
bool cidr_within(struct cidr inner, struct cidr outer);
void cidr_format_address(uint32_t address, char out[16]);
void cidr_format(struct cidr cidr, char out[20]);

enum { CIDR6_SIZE = 52 };

/* An IPv6 block ("2001:db8::1/32") in canonical form ("2001:db8::/32"); false if it is none. */
bool cidr6_canonical(const char *text, char out[CIDR6_SIZE]);
