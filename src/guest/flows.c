#include "guest/flows.h"

#include "base/map.h"
#include "os/random.h"
#include "wire/nflog.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    SLOTS = 16384,              /* a power of two */
    PROBES_MAX = 16,            /* then a flow has no room: nobody can make looking for one slow */
    INTERFACE_FLOWS_MAX = 4096, /* so that one interface's flood leaves room for the others */
    REPORT_MS = 1000,
    DATAGRAM_SIZE = 128 * 1024,
    DATAGRAMS_AT_ONCE = 64,
    KEY_SIZE = offsetof(struct flow, tcp_flags),
    SYN_ACK = 18, /* AWS's flags */
};

/* What an interface has of the table. */
struct share {
    uint32_t count;
    bool incomplete;
};

struct flows {
    struct loop *loop;
    struct loop_watch watch;
    struct loop_timer timer;
    guest_on_flows *on_flows;
    void *owner;
    uint64_t seed;
    struct message_flows head;
    bool due; /* the timer is set */
    struct map shares;
    struct flow slots[SLOTS]; /* without packets: free */
    struct flow report[SLOTS];
    uint8_t datagram[DATAGRAM_SIZE];
};

/* ---- reports ---- */

static void make_due(struct flows *flows)
{
    if (!flows->due)
        loop_timer_set(flows->loop, &flows->timer, REPORT_MS);
    flows->due = true;
}

static void forget(struct flows *flows)
{
    map_each (entry, &flows->shares)
        free(entry->value);
    map_finish(&flows->shares);
    flows->shares = (struct map){0};
    flows->head.incomplete = 0;
    for (size_t i = 0; i < SLOTS; i++) /* pages that nobody wrote to stay none */
        if (flows->slots[i].packets)
            flows->slots[i].packets = 0;
}

/* The flows, and a row for each interface of which some are missing. */
static void on_due(struct loop_timer *timer)
{
    struct flows *flows = timer->owner;
    uint32_t count = 0;
    flows->due = false;
    for (size_t i = 0; i < SLOTS; i++)
        if (flows->slots[i].packets)
            flows->report[count++] = flows->slots[i];
    map_each (entry, &flows->shares) {
        const struct share *share = entry->value;
        if (!share->incomplete)
            continue;
        if (count == SLOTS) {
            flows->head.incomplete = 1;
            break;
        }
        struct flow *row = &flows->report[count++];
        memset(row, 0, sizeof *row);
        snprintf(row->interface, sizeof row->interface, "%s", entry->key);
    }
    flows->head.count = count;
    if (flows->on_flows(flows->owner, &flows->head, flows->report))
        forget(flows);
    else
        make_due(flows);
}

/* ---- the table ---- */

static uint64_t hash_of(const struct flows *flows, const struct flow *key)
{
    uint64_t hash = flows->seed, word;
    const char *at = (const char *)key;
    for (size_t i = 0; i < KEY_SIZE; i += sizeof word) {
        size_t size = KEY_SIZE - i;
        word = 0;
        memcpy(&word, at + i, size < sizeof word ? size : sizeof word);
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    return hash;
}

/* NULL if there is no memory. */
static struct share *share_of(struct flows *flows, const char *interface)
{
    struct share *share = map_get(&flows->shares, interface);
    if (share || !(share = calloc(1, sizeof *share)))
        return share;
    if (map_set(&flows->shares, interface, share) == 0)
        return share;
    free(share);
    return NULL;
}

static void miss(struct flows *flows, const char *interface)
{
    struct share *share = share_of(flows, interface);
    if (share)
        share->incomplete = true;
    else
        flows->head.incomplete = 1;
}

/* Takes the slot for a flow that is new; false if its interface has enough of them. */
static bool begin(struct flows *flows, struct flow *slot, const struct flow *key)
{
    struct share *share = share_of(flows, key->interface);
    if (!share || share->count == INTERFACE_FLOWS_MAX)
        return false;
    share->count++;
    *slot = *key;
    return true;
}

/* The row of the flow, a new one if need be; NULL if there is no room. */
static struct flow *find(struct flows *flows, const struct flow *key)
{
    uint64_t hash = hash_of(flows, key);
    for (size_t i = 0; i < PROBES_MAX; i++) {
        struct flow *slot = &flows->slots[(hash + i) % SLOTS];
        if (!slot->packets)
            return begin(flows, slot, key) ? slot : NULL;
        if (memcmp(slot, key, KEY_SIZE) == 0)
            return slot;
    }
    return NULL;
}

/* ---- packets ---- */

/*
 * "eni-0a1b 10": the interface, action and direction, as host/net/ruleset_flows.c writes them. With
 * a "+" behind it there were more packets, which nobody counted.
 */
static bool read_prefix(const char *prefix, struct flow *key, bool *more)
{
    size_t length = strcspn(prefix, " ");
    if (length >= sizeof key->interface || strlen(prefix + length) < 3)
        return false;
    memcpy(key->interface, prefix, length);
    key->action = (uint8_t)(prefix[length + 1] - '0');
    key->direction = (uint8_t)(prefix[length + 2] - '0');
    *more = prefix[length + 3] == '+';
    return key->action <= ACTION_ALLOW && key->direction <= DIRECTION_EGRESS;
}

static uint8_t aws_flags(uint8_t flags)
{
    bool answers = (flags & TH_SYN) && (flags & TH_ACK);
    return answers ? SYN_ACK : flags & (TH_FIN | TH_SYN | TH_RST);
}

static void add(struct flows *flows, const struct nflog_packet *packet)
{
    struct flow key = {
        .source = packet->source,
        .destination = packet->destination,
        .source_port = packet->source_port,
        .destination_port = packet->destination_port,
        .protocol = packet->protocol,
    };
    bool more;
    if (!read_prefix(packet->prefix, &key, &more))
        return;
    make_due(flows);
    struct flow *flow = more ? NULL : find(flows, &key);
    if (!flow) {
        miss(flows, key.interface);
        return;
    }
    flow->packets++;
    flow->bytes += packet->size;
    flow->tcp_flags |= aws_flags(packet->tcp_flags);
}

void flows_read(struct flows *flows)
{
    struct nflog_packet packet;
    for (int i = 0; i < DATAGRAMS_AT_ONCE; i++) {
        struct sockaddr_nl sender = {0};
        socklen_t sender_size = sizeof sender;
        ssize_t size = recvfrom(flows->watch.fd, flows->datagram, sizeof flows->datagram, 0,
                                (struct sockaddr *)&sender, &sender_size);
        if (size < 0 && errno == ENOBUFS) { /* the kernel had more than the socket has room for */
            flows->head.incomplete = 1;
            make_due(flows);
            continue;
        }
        if (size <= 0)
            return;
        const uint8_t *at = flows->datagram;
        size_t left = sender.nl_pid ? 0 : (size_t)size;
        while (nflog_next(&at, &left, &packet))
            add(flows, &packet);
    }
}

static void on_event(struct loop_watch *watch, uint32_t events)
{
    (void)events;
    flows_read(watch->owner);
}

/* ---- life ---- */

struct flows *flows_create(struct loop *loop, const char *vpc, int fd, guest_on_flows *on_flows,
                           void *owner, struct err *err)
{
    struct flows *flows = calloc(1, sizeof *flows);
    if (!flows) {
        close(fd);
        err_set(err, "out of memory");
        return NULL;
    }
    flows->loop = loop;
    flows->on_flows = on_flows;
    flows->owner = owner;
    flows->watch = (struct loop_watch){.fd = -1, .on_event = on_event, .owner = flows};
    random_bytes(&flows->seed, sizeof flows->seed);
    snprintf(flows->head.vpc, sizeof flows->head.vpc, "%s", vpc);
    loop_timer_init(&flows->timer, on_due, flows);
    if (loop_watch(loop, &flows->watch, fd, EPOLLIN, err) < 0) {
        close(fd);
        flows_destroy(flows);
        return NULL;
    }
    return flows;
}

void flows_destroy(struct flows *flows)
{
    if (!flows)
        return;
    loop_timer_clear(flows->loop, &flows->timer);
    loop_close(flows->loop, &flows->watch);
    forget(flows);
    free(flows);
}
