/*
 * What the APIs present to clients in VPCs: for the names of services in each region, a certificate
 * of the cloud's own authority, made when somebody first asks for one of them.
 */
#pragma once

#include "http/tls.h"
#include "service/call.h"

struct front_certificates;

struct front_certificates_options {
    struct store *store;
    const struct service_world *world;
    const char *account;
    int64_t (*cloud_now_ms)(void *arg);
    void *arg;
};

/* The strings and pointers of `options` must outlive it. NULL and err if memory ran out. */
struct front_certificates *
front_certificates_create(const struct front_certificates_options *options, struct err *err);
void front_certificates_destroy(struct front_certificates *certificates);

/* For connections: the thread's TLS. */
struct tls_thread *front_certificates_thread(const struct front_certificates *certificates);
/*
 * Who answers a client that asks for this name; without one, the default region does. NULL: it is
 * no name of a service in a region that there is.
 */
struct tls_server *front_certificates_find(struct front_certificates *certificates,
                                           struct slice name);
