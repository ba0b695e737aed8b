/* The VPC's DNS server: its own names, and other names by asking the host's resolver. */
#include "guest/guest_impl.h"
#include "os/random.h"
#include "wire/dns.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { ADDRESSES_MAX = 8, TTL_SECONDS = 60, QUESTIONS_AT_ONCE = 64 };

/* Names below these are ours alone: what is not there does not exist. */
static const char *const own_domains[] = {".compute.internal", ".ec2.internal", ".elb.localhost"};

struct question {
    uint8_t message[DNS_MESSAGE_SIZE_MAX];
    size_t size;
    struct sockaddr_in client;
    struct dns_query query;
};

static size_t read_addresses(const json_t *array, uint32_t addresses[ADDRESSES_MAX])
{
    const json_t *item;
    size_t index, count = 0;

    json_array_foreach (array, index, item) {
        struct in_addr parsed;
        if (count < ADDRESSES_MAX && json_is_string(item) &&
            inet_pton(AF_INET, json_string_value(item), &parsed) == 1)
            addresses[count++] = ntohl(parsed.s_addr);
    }
    return count;
}

/* Whether the name is known in the VPC; its addresses, which may be none. */
static bool look_up(const struct guest_vpc *vpc, const char *name,
                    uint32_t addresses[ADDRESSES_MAX], size_t *count)
{
    const struct guest *guest = vpc->guest;
    const struct guest_instance *instance = guest_find_name(guest, vpc->id, name);

    if (instance) {
        addresses[0] = instance->address;
        *count = 1;
        return true;
    }
    const json_t *of_vpc = json_object_get(json_object_get(guest->names, "Vpcs"), vpc->id);
    const json_t *found = json_object_get(of_vpc, name);
    if (!found)
        found = json_object_get(json_object_get(guest->names, "Names"), name);
    *count = read_addresses(found, addresses);
    return found != NULL;
}

static bool is_own(const char *name)
{
    size_t size = strlen(name);
    for (size_t i = 0; i < sizeof(own_domains) / sizeof(*own_domains); i++) {
        size_t domain = strlen(own_domains[i]);
        if (size > domain && strcmp(name + size - domain, own_domains[i]) == 0)
            return true;
    }
    return false;
}

/* A datagram that does not fit into the socket's buffer is lost, like any; the client repeats. */
static void reply(const struct guest_vpc *vpc, const struct sockaddr_in *client, const void *data,
                  size_t size)
{
    sendto(vpc->dns.fd, data, size, 0, (const struct sockaddr *)client, sizeof(*client));
}

static void reply_code(const struct guest_vpc *vpc, const struct question *question,
                       enum dns_rcode rcode, const uint32_t *addresses, size_t count)
{
    auto_buf answer = {0};
    dns_write_answer(&answer, &question->query, rcode, addresses, count, TTL_SECONDS);
    if (!answer.failed)
        reply(vpc, &question->client, answer.data, answer.size);
}

/* Takes the slot of the oldest question when all are taken. */
static bool forward(struct guest_vpc *vpc, struct question *question)
{
    struct guest *guest = vpc->guest;
    unsigned slot = guest->next_forwarded++ % FORWARDED_MAX;
    struct forwarded *forwarded = &guest->forwarded[slot];
    uint16_t nonce;

    random_bytes(&nonce, sizeof(nonce));
    memcpy(forwarded->vpc, vpc->id, sizeof(forwarded->vpc));
    forwarded->client = question->client;
    forwarded->id = question->query.id;
    forwarded->upstream_id = (uint16_t)(nonce - nonce % FORWARDED_MAX + slot);
    question->message[0] = (uint8_t)(forwarded->upstream_id >> 8);
    question->message[1] = (uint8_t)forwarded->upstream_id;
    return send(guest->upstream.fd, question->message, question->size, 0) >= 0;
}

static void answer(struct guest_vpc *vpc, struct question *question)
{
    uint32_t addresses[ADDRESSES_MAX];
    size_t count = 0;

    if (dns_parse_query(question->message, question->size, &question->query) < 0)
        return;
    if (look_up(vpc, question->query.name, addresses, &count))
        reply_code(vpc, question, DNS_OK, addresses,
                   question->query.type == DNS_TYPE_A ? count : 0);
    else if (is_own(question->query.name))
        reply_code(vpc, question, DNS_NO_NAME, NULL, 0);
    else if (vpc->guest->upstream.fd < 0 || !forward(vpc, question))
        reply_code(vpc, question, DNS_REFUSED, NULL, 0);
}

void resolver_on_event(struct loop_watch *watch, uint32_t events)
{
    struct question question;

    (void)events;
    for (int i = 0; i < QUESTIONS_AT_ONCE; i++) {
        socklen_t name_size = sizeof(question.client);
        ssize_t size = recvfrom(watch->fd, question.message, sizeof(question.message), 0,
                                (struct sockaddr *)&question.client, &name_size);
        if (size < 0)
            return;
        question.size = (size_t)size;
        answer(watch->owner, &question);
    }
}

void resolver_on_upstream(struct loop_watch *watch, uint32_t events)
{
    struct guest *guest = watch->owner;
    uint8_t message[DNS_MESSAGE_SIZE_MAX];

    (void)events;
    for (int i = 0; i < QUESTIONS_AT_ONCE; i++) {
        ssize_t size = recv(watch->fd, message, sizeof(message), 0);
        if (size < 0)
            return;
        if (size < 2)
            continue;
        uint16_t id = (uint16_t)(message[0] << 8 | message[1]);
        struct forwarded *forwarded = &guest->forwarded[id % FORWARDED_MAX];
        const struct guest_vpc *vpc = map_get(&guest->vpcs, forwarded->vpc);
        if (!vpc || forwarded->upstream_id != id)
            continue;
        message[0] = (uint8_t)(forwarded->id >> 8);
        message[1] = (uint8_t)forwarded->id;
        reply(vpc, &forwarded->client, message, (size_t)size);
        forwarded->vpc[0] = '\0';
    }
}
