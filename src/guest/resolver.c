/* The VPC's DNS server: what names.c knows, and other names by asking the host's resolver. */
#include "guest/guest_impl.h"
#include "os/random.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { TTL_SECONDS = 60, QUESTIONS_AT_ONCE = 64 };

struct question {
    uint8_t message[DNS_MESSAGE_SIZE_MAX];
    size_t size;
    struct sockaddr_in client;
    struct dns_query query;
};

/* ---- what is said ---- */

void resolver_refuse(const struct dns_query *query, enum dns_rcode rcode, struct buf *answer)
{
    dns_write_answer(answer, query, &(struct dns_answer){.rcode = rcode});
}

/* Without records of the type that is asked for, an answer says how long that holds. */
static void write_known(const struct dns_query *query, const struct name_record *record,
                        struct buf *answer)
{
    bool any = query->type == DNS_TYPE_ANY;
    struct dns_answer out = {.ttl_seconds = TTL_SECONDS};

    if (any || query->type == DNS_TYPE_A) {
        out.addresses = record->addresses;
        out.count = record->count;
    }
    if (any || query->type == DNS_TYPE_PTR)
        out.target = record->target[0] ? record->target : NULL;
    if (!out.count && !out.target)
        out.zone = record->zone ? record->zone : query->name;
    dns_write_answer(answer, query, &out);
}

enum resolution resolver_resolve(const struct guest_vpc *vpc, const uint8_t *message, size_t size,
                                 struct dns_query *query, struct buf *answer)
{
    struct name_record record;
    int parsed = dns_parse_query(message, size, query);

    if (parsed < 0 || !names_are_resolved(vpc))
        return RESOLUTION_NONE;
    if (parsed > 0) {
        resolver_refuse(query, (enum dns_rcode)parsed, answer);
        return RESOLUTION_ANSWER;
    }
    enum name_finding finding =
        query->class == DNS_CLASS_IN ? names_find(vpc, query, &record) : NAME_FOREIGN;
    if (finding == NAME_KNOWN)
        write_known(query, &record, answer);
    else if (finding == NAME_ABSENT)
        dns_write_answer(answer, query,
                         &(struct dns_answer){.rcode = DNS_NO_NAME,
                                              .ttl_seconds = TTL_SECONDS,
                                              .zone = record.zone});
    else if (vpc->guest->upstream.fd >= 0)
        return RESOLUTION_FORWARD;
    else
        resolver_refuse(query, DNS_REFUSED, answer);
    return RESOLUTION_ANSWER;
}

/* ---- datagrams ---- */

/* A datagram that does not fit into the socket's buffer is lost, like any; the client repeats. */
static void reply(const struct guest_vpc *vpc, const struct sockaddr_in *client, const void *data,
                  size_t size)
{
    sendto(vpc->dns.fd, data, size, 0, (const struct sockaddr *)client, sizeof(*client));
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
    auto_buf text = {0};
    enum resolution resolution =
        resolver_resolve(vpc, question->message, question->size, &question->query, &text);

    if (resolution == RESOLUTION_FORWARD && !forward(vpc, question))
        resolver_refuse(&question->query, DNS_SERVER_FAILURE, &text);
    if (text.size && !text.failed)
        reply(vpc, &question->client, text.data, text.size);
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
