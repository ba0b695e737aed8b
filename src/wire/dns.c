#include "wire/dns.h"

#include <string.h>

enum {
    HEADER_SIZE = 12,
    LABEL_SIZE_MAX = 63,
    FLAG_RESPONSE = 0x8000,
    FLAG_OPCODE = 0x7800,
    FLAG_AUTHORITATIVE = 0x0400,
    FLAG_RECURSION_DESIRED = 0x0100,
    FLAG_RECURSION_AVAILABLE = 0x0080,
    POINTER_TO_QUESTION = 0xc000 | HEADER_SIZE,
};

static uint16_t read_u16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/* Reads the labels at `offset`, which is where the first question begins. Returns the end, or 0. */
static size_t read_name(const uint8_t *data, size_t size, size_t offset, char name[DNS_NAME_SIZE])
{
    size_t length = 0;

    while (offset < size && data[offset] != 0) {
        size_t label = data[offset++];
        if (label > LABEL_SIZE_MAX || label > size - offset ||
            length + label + 2 > DNS_NAME_SIZE - 1)
            return 0;
        if (length)
            name[length++] = '.';
        for (size_t i = 0; i < label; i++) {
            uint8_t byte = data[offset + i];
            if (byte <= ' ' || byte >= 127 || byte == '.')
                return 0;
            name[length++] = (char)(byte >= 'A' && byte <= 'Z' ? byte + 32 : byte);
        }
        offset += label;
    }
    name[length] = '\0';
    return offset < size ? offset + 1 : 0;
}

int dns_parse_query(const uint8_t *data, size_t size, struct dns_query *query)
{
    memset(query, 0, sizeof(*query));
    if (size < HEADER_SIZE || size > DNS_MESSAGE_SIZE_MAX)
        return -1;
    query->id = read_u16(data);
    query->flags = read_u16(data + 2);
    if ((query->flags & (FLAG_RESPONSE | FLAG_OPCODE)) || read_u16(data + 4) != 1)
        return -1;
    size_t end = read_name(data, size, HEADER_SIZE, query->name);
    if (!end || size - end < 4)
        return -1;
    query->type = read_u16(data + end);
    query->class = read_u16(data + end + 2);
    query->question = data + HEADER_SIZE;
    query->question_size = end + 4 - HEADER_SIZE;
    return 0;
}

static void append_u16(struct buf *out, uint32_t value)
{
    const uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};
    buf_append(out, bytes, sizeof(bytes));
}

void dns_write_answer(struct buf *out, const struct dns_query *query, enum dns_rcode rcode,
                      const uint32_t *addresses, size_t count, uint32_t ttl_seconds)
{
    append_u16(out, query->id);
    append_u16(out, FLAG_RESPONSE | FLAG_AUTHORITATIVE | FLAG_RECURSION_AVAILABLE |
                        (query->flags & FLAG_RECURSION_DESIRED) | (uint32_t)rcode);
    append_u16(out, query->question_size ? 1 : 0);
    append_u16(out, (uint32_t)count);
    append_u16(out, 0);
    append_u16(out, 0);
    if (query->question_size)
        buf_append(out, query->question, query->question_size);
    for (size_t i = 0; i < count; i++) {
        append_u16(out, POINTER_TO_QUESTION);
        append_u16(out, DNS_TYPE_A);
        append_u16(out, DNS_CLASS_IN);
        append_u16(out, ttl_seconds >> 16);
        append_u16(out, ttl_seconds);
        append_u16(out, 4);
        append_u16(out, addresses[i] >> 16);
        append_u16(out, addresses[i]);
    }
}
