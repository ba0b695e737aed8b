#include "wire/dns.h"

#include <stdio.h>
#include <string.h>

enum {
    HEADER_SIZE = 12,
    FRAME_SIZE = 2,
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
    if (query->flags & FLAG_RESPONSE)
        return -1;
    if (query->flags & FLAG_OPCODE)
        return DNS_NOT_IMPLEMENTED;
    size_t end = read_u16(data + 4) == 1 ? read_name(data, size, HEADER_SIZE, query->name) : 0;
    if (!end || size - end < 4)
        return DNS_FORMAT_ERROR;
    query->type = read_u16(data + end);
    query->class = read_u16(data + end + 2);
    query->question = data + HEADER_SIZE;
    query->question_size = end + 4 - HEADER_SIZE;
    return 0;
}

int dns_parse_reverse(const char *name, uint32_t *address)
{
    static const char domain[] = "in-addr.arpa";
    int count = 0;

    *address = 0;
    while (count < 4 && *name >= '0' && *name <= '9') {
        uint32_t byte = 0;
        size_t digits = 0;
        for (; name[digits] >= '0' && name[digits] <= '9' && digits < 4; digits++)
            byte = byte * 10 + (uint32_t)(name[digits] - '0');
        if (byte > 255 || (digits > 1 && *name == '0') || name[digits] != '.')
            return 0;
        *address |= byte << 8 * count++;
        name += digits + 1;
    }
    return strcmp(name, domain) == 0 ? count : 0;
}

size_t dns_read_frame(const uint8_t *data, size_t size, size_t *message_size)
{
    if (size < FRAME_SIZE)
        return 0;
    *message_size = read_u16(data);
    return size - FRAME_SIZE < *message_size ? 0 : FRAME_SIZE + *message_size;
}

/* ---- answers ---- */

static void append_u16(struct buf *out, uint32_t value)
{
    const uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};
    buf_append(out, bytes, sizeof(bytes));
}

static void append_u32(struct buf *out, uint32_t value)
{
    append_u16(out, value >> 16);
    append_u16(out, value);
}

/* A label that is too long cannot be said. */
static void append_name(struct buf *out, const char *name)
{
    while (*name) {
        size_t size = strcspn(name, ".");
        if (size == 0 || size > LABEL_SIZE_MAX)
            out->failed = true;
        buf_append_char(out, (char)size);
        buf_append(out, name, size);
        name += size + (name[size] == '.');
    }
    buf_append_char(out, '\0');
}

/* What follows a record's name, up to its data. */
static void append_record(struct buf *out, uint32_t type, uint32_t ttl_seconds, size_t size)
{
    append_u16(out, type);
    append_u16(out, DNS_CLASS_IN);
    append_u32(out, ttl_seconds);
    append_u16(out, (uint32_t)size);
}

/* As the resolvers of VPCs have it; the last number is how long nothing stays nothing. */
static void append_soa(struct buf *out, const char *zone, uint32_t ttl_seconds)
{
    static const uint32_t numbers[] = {2012103100, 3600, 3600, 3600, 60};
    char server[DNS_NAME_SIZE + 4];
    auto_buf data = {0};

    snprintf(server, sizeof(server), "ns0.%s", zone);
    append_name(&data, server);
    append_name(&data, "hostmaster.amazon.com");
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
        append_u32(&data, numbers[i]);
    append_name(out, zone);
    append_record(out, DNS_TYPE_SOA, ttl_seconds, data.size);
    buf_append(out, data.data, data.size);
    out->failed = out->failed || data.failed;
}

static void append_pointer(struct buf *out, const char *target, uint32_t ttl_seconds)
{
    auto_buf data = {0};

    append_name(&data, target);
    append_u16(out, POINTER_TO_QUESTION);
    append_record(out, DNS_TYPE_PTR, ttl_seconds, data.size);
    buf_append(out, data.data, data.size);
    out->failed = out->failed || data.failed;
}

void dns_write_answer(struct buf *out, const struct dns_query *query,
                      const struct dns_answer *answer)
{
    append_u16(out, query->id);
    append_u16(out, FLAG_RESPONSE | FLAG_AUTHORITATIVE | FLAG_RECURSION_AVAILABLE |
                        (query->flags & FLAG_RECURSION_DESIRED) | (uint32_t)answer->rcode);
    append_u16(out, query->question_size ? 1 : 0);
    append_u16(out, (uint32_t)answer->count + (answer->target ? 1 : 0));
    append_u16(out, answer->zone ? 1 : 0);
    append_u16(out, 0);
    if (query->question_size)
        buf_append(out, query->question, query->question_size);
    for (size_t i = 0; i < answer->count; i++) {
        append_u16(out, POINTER_TO_QUESTION);
        append_record(out, DNS_TYPE_A, answer->ttl_seconds, 4);
        append_u32(out, answer->addresses[i]);
    }
    if (answer->target)
        append_pointer(out, answer->target, answer->ttl_seconds);
    if (answer->zone)
        append_soa(out, answer->zone, answer->ttl_seconds);
}

/* ---- the other side ---- */

void dns_write_query(struct buf *out, uint16_t id, const char *name)
{
    append_u16(out, id);
    append_u16(out, FLAG_RECURSION_DESIRED);
    append_u16(out, 1);
    for (int i = 0; i < 3; i++)
        append_u16(out, 0);
    append_name(out, name);
    append_u16(out, DNS_TYPE_A);
    append_u16(out, DNS_CLASS_IN);
}

/* The end of a name, which may end in a pointer; 0 if it has none. */
static size_t skip_name(const uint8_t *data, size_t size, size_t offset)
{
    while (offset < size && data[offset] != 0) {
        if (data[offset] >= 0xc0)
            return offset + 2 <= size ? offset + 2 : 0;
        offset += 1 + (size_t)data[offset];
    }
    return offset < size ? offset + 1 : 0;
}

/* Whose address it is, the name or what it is an alias of, is the resolver's affair. */
int dns_read_answer(const uint8_t *data, size_t size, const uint8_t *query, size_t query_size,
                    uint32_t *addresses, int count)
{
    int found = 0;
    if (size < query_size || query_size < HEADER_SIZE || memcmp(data, query, 2) != 0 ||
        !(read_u16(data + 2) & FLAG_RESPONSE) || read_u16(data + 4) != 1 ||
        memcmp(data + HEADER_SIZE, query + HEADER_SIZE, query_size - HEADER_SIZE) != 0)
        return -1;
    size_t offset = query_size;
    for (unsigned left = read_u16(data + 6); left > 0; left--) {
        offset = skip_name(data, size, offset);
        if (!offset || size - offset < 10)
            return -1;
        size_t data_size = read_u16(data + offset + 8);
        if (size - offset - 10 < data_size)
            return -1;
        const uint8_t *record = data + offset;
        if (read_u16(record) == DNS_TYPE_A && read_u16(record + 2) == DNS_CLASS_IN &&
            data_size == 4 && found < count)
            addresses[found++] = (uint32_t)read_u16(record + 10) << 16 | read_u16(record + 12);
        offset += 10 + data_size;
    }
    return found;
}
