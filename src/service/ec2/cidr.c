#include "service/ec2/cidr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A decimal of at most `most` without leading zeros; advances *text. */
static bool parse_number(const char **text, unsigned most, unsigned *ret)
{
    const char *at = *text;
    unsigned value = 0;
    int digits = 0;
    for (; *at >= '0' && *at <= '9' && digits < 4; at++, digits++)
        value = value * 10 + (unsigned)(*at - '0');
    if (digits == 0 || value > most || (digits > 1 && (*text)[0] == '0'))
        return false;
    *text = at;
    *ret = value;
    return true;
}

static bool parse_address(const char **text, uint32_t *ret_address)
{
    uint32_t address = 0;
    for (int i = 0; i < 4; i++) {
        unsigned byte;
        if (i > 0 && *(*text)++ != '.')
            return false;
        if (!parse_number(text, 255, &byte))
            return false;
        address = address << 8 | byte;
    }
    *ret_address = address;
    return true;
}

bool cidr_parse_address(const char *text, uint32_t *ret_address)
{
    return parse_address(&text, ret_address) && *text == '\0';
}

bool cidr_parse(const char *text, struct cidr *ret)
{
    return parse_address(&text, &ret->network) && *text++ == '/' &&
           parse_number(&text, 32, &ret->prefix) && *text == '\0';
}

static uint32_t mask(unsigned prefix)
{
    return prefix ? ~(uint32_t)0 << (32 - prefix) : 0;
}

struct cidr cidr_canonical(struct cidr cidr)
{
    return (struct cidr){cidr.network & mask(cidr.prefix), cidr.prefix};
}

uint32_t cidr_last(struct cidr cidr)
{
    return cidr.network | ~mask(cidr.prefix);
}

bool cidr_contains(struct cidr cidr, uint32_t address)
{
    return ((address ^ cidr.network) & mask(cidr.prefix)) == 0;
}

bool cidr_overlaps(struct cidr a, struct cidr b)
{
    return a.prefix < b.prefix ? cidr_contains(a, b.network) : cidr_contains(b, a.network);
}

bool cidr_within(struct cidr inner, struct cidr outer)
{
    return inner.prefix >= outer.prefix && cidr_contains(outer, inner.network);
}

void cidr_format_address(uint32_t address, char out[16])
{
    snprintf(out, 16, "%u.%u.%u.%u", address >> 24, address >> 16 & 255, address >> 8 & 255,
             address & 255);
}

void cidr_format(struct cidr cidr, char out[20])
{
    char address[16];
    cidr_format_address(cidr.network, address);
    snprintf(out, 20, "%s/%u", address, cidr.prefix & 63);
}

bool cidr6_canonical(const char *text, char out[CIDR6_SIZE])
{
    struct in6_addr address;
    char host[INET6_ADDRSTRLEN] = "";
    const char *slash = strchr(text, '/');
    char *end = NULL;
    long prefix = slash && slash[1] >= '0' && slash[1] <= '9' ? strtol(slash + 1, &end, 10) : -1;
    if (slash && slash - text < INET6_ADDRSTRLEN)
        memcpy(host, text, (size_t)(slash - text));
    if (!end || *end || prefix > 128 || inet_pton(AF_INET6, host, &address) != 1)
        return false;
    for (long bit = prefix; bit < 128; bit++)
        address.s6_addr[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
    inet_ntop(AF_INET6, &address, host, sizeof host);
    snprintf(out, CIDR6_SIZE, "%s/%u", host, (unsigned)prefix & 0xff);
    return true;
}
