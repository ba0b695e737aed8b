#include "wire/base64.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const void *data, size_t size)
{
    const unsigned char *in = data;
    char *text = malloc(size / 3 * 4 + 5), *out = text;
    if (!text)
        return NULL;
    for (; size > 0; in += 3, size -= size < 3 ? size : 3) {
        uint32_t group = (uint32_t)in[0] << 16 | (uint32_t)(size > 1 ? in[1] : 0) << 8 |
                         (uint32_t)(size > 2 ? in[2] : 0);
        *out++ = alphabet[group >> 18];
        *out++ = alphabet[group >> 12 & 63];
        *out++ = size > 1 ? alphabet[group >> 6 & 63] : '=';
        *out++ = size > 2 ? alphabet[group & 63] : '=';
    }
    *out = 0;
    return text;
}

static int digit(char byte)
{
    const char *at = byte ? strchr(alphabet, byte) : NULL;
    return at ? (int)(at - alphabet) : -1;
}

/* Decodes one group of four; returns the bytes it holds, or -1. */
static int decode_group(const char group[4], unsigned char out[3])
{
    int size = group[3] != '=' ? 3 : group[2] != '=' ? 2 : 1;
    uint32_t bits = 0;
    for (int i = 0; i < 4; i++) {
        int value = i <= size ? digit(group[i]) : group[i] == '=' ? 0 : -1;
        if (value < 0)
            return -1;
        bits = bits << 6 | (uint32_t)value;
    }
    if (size < 3 && bits & (size == 2 ? 0xffu : 0xffffu))
        return -1; /* not canonical: bits that no byte takes */
    for (int i = 0; i < 3; i++)
        out[i] = (unsigned char)(bits >> (16 - 8 * i));
    return size;
}

char *base64_decode(const char *text, size_t size, size_t *ret_size)
{
    unsigned char *data = malloc(size / 4 * 3 + 4);
    char group[4];
    size_t filled = 0, used = 0;
    int last = 3;
    if (!data)
        return NULL;
    for (size_t i = 0; i < size; i++) {
        if (memchr(" \t\r\n", text[i], 4))
            continue;
        group[filled++] = text[i];
        if (filled < 4)
            continue;
        filled = 0;
        if (last < 3 || (last = decode_group(group, data + used)) < 0)
            goto bad; /* nothing may follow padding */
        used += (size_t)last;
    }
    if (filled)
        goto bad;
    data[used] = 0;
    *ret_size = used;
    return (char *)data;
bad:
    free(data);
    return NULL;
}
