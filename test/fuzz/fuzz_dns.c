#include "base/buf.h"
#include "wire/dns.h"
#include "wire/service_name.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is written for a name that was read is read again as the same. */
static void check_answer(const struct dns_query *query, const struct dns_answer *answer)
{
    struct dns_query again;
    auto_buf out = {0};
    dns_write_answer(&out, query, answer);
    assert(!out.failed);
    out.data[2] &= 0x7f; /* no response, so that it can be read */
    assert(dns_parse_query((const uint8_t *)out.data, out.size, &again) == 0);
    assert(strcmp(again.name, query->name) == 0 && again.type == query->type);
}

static void check_query(const uint8_t *data, size_t size)
{
    static const uint32_t addresses[] = {0x0a000001, 0x0a000002};
    struct dns_query query;
    struct service_name service;
    uint32_t address;
    if (dns_parse_query(data, size, &query) != 0)
        return;
    assert(query.question >= data && query.question + query.question_size <= data + size);
    check_answer(&query, &(struct dns_answer){.addresses = addresses, .count = 2});
    check_answer(&query, &(struct dns_answer){.target = query.name});
    if (strlen(query.name) < DNS_NAME_SIZE - 8)
        check_answer(&query, &(struct dns_answer){.rcode = DNS_NO_NAME, .zone = query.name});
    int count = dns_parse_reverse(query.name, &address);
    assert(count >= 0 && count <= 4);
    struct slice name = {query.name, strlen(query.name)};
    if (service_name_parse(name, &service))
        assert(service.labels.data == query.name && service.labels.size > 0 &&
               service.labels.size + service.region.size < name.size);
}

/* As the answer to a query of its own first question. */
static void check_reply(const uint8_t *data, size_t size)
{
    uint32_t addresses[2];
    struct dns_query read;
    uint8_t plain[DNS_MESSAGE_SIZE_MAX];
    if (size < 12 || size > sizeof plain)
        return;
    memcpy(plain, data, size);
    plain[2] &= 0x7f;
    if (dns_parse_query(plain, size, &read) != 0)
        return;
    int count = dns_read_answer(data, size, plain, 12 + read.question_size, addresses, 2);
    assert(count >= -1 && count <= 2);
}

/* A message alone, and the messages of a TCP stream one after another. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t frame, message_size = 0;
    check_query(data, size);
    check_reply(data, size);
    while ((frame = dns_read_frame(data, size, &message_size)) != 0) {
        assert(frame == message_size + 2 && frame <= size);
        check_query(data + 2, message_size);
        data += frame;
        size -= frame;
    }
    return 0;
}
