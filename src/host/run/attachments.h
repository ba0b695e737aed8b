/*
 * The network interfaces of one instance: what is plugged in, and how it is brought to what api
 * asks for. A record of it is kept before and after, so that a later host process knows what to
 * unplug, and what to plug again because it may be half made.
 */
#pragma once

#include "base/err.h"
#include "host/net/net.h"
#include "ipc/message.h"

struct attachment {
    struct instance_interface interface;
    uint32_t made; /* 0: being plugged in */
    uint32_t unused;
};

struct attachments {
    struct net_counters gone; /* what was counted of interfaces that are unplugged */
    uint32_t count;
    uint32_t unused;
    struct attachment rows[INSTANCE_INTERFACES_MAX];
};

/* How interfaces are plugged in. */
struct attachments_actions {
    int (*plug)(void *owner, const struct instance_interface *interface, int netns_fd,
                struct err *err);
    /* Addresses of a running instance; if that has taken its network apart, it is its own affair.
     */
    void (*readdress)(void *owner, const struct instance_interface *from,
                      const struct instance_interface *to, int netns_fd);
    /* Adds what it counted to `gone`. */
    void (*unplug)(void *owner, const struct instance_interface *interface,
                   struct net_counters *gone);
    void *owner;
};

struct attachments_work {
    const struct attachments_actions *actions;
    int netns_fd;                               /* of the instance */
    int (*keep)(void *keeper, struct err *err); /* the record */
    void *keeper;
};

/* Checks a message of api: ids, counts, device indices that differ, the primary interface first. */
int attachments_check(const struct message_instance_network *network, struct err *err);

/* Brings what is plugged in to what is wanted: unplugs first. On failure the next call goes on. */
int attachments_apply(struct attachments *attachments,
                      const struct message_instance_network *wanted,
                      const struct attachments_work *work, struct err *err);
/* The instance has ended: unplugs all, and forgets what was counted. */
void attachments_end(struct attachments *attachments, const struct attachments_actions *actions);
