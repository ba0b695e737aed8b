/*
 * The API as code in instances reaches it: where the endpoints controller says, with sockets that
 * the host opens. Nobody there is trusted: the key "test" is none, signatures are always checked,
 * and the command line's endpoints do not exist.
 */
#pragma once

#include "front/front.h"
#include "ipc/message.h"

struct service_ports;

struct service_ports_options {
    struct front_options front; /* as on loopback; what must differ is set here */
    struct loop *loop;
    /* Asks the host for a listener; service_ports_receive() gets it. */
    void (*open)(void *arg, const struct message_endpoint *endpoint);
    void *arg;
};

/* NULL and err on failure. */
struct service_ports *service_ports_create(const struct service_ports_options *options,
                                           struct err *err);
void service_ports_destroy(struct service_ports *ports);

/* All the places where the API shall answer: closes what is none of them, asks for what is new. */
void service_ports_want(struct service_ports *ports, const struct message_endpoint *wanted,
                        size_t count);
/* What the host says; takes over `fd` (-1: it failed, and is asked again later). */
void service_ports_receive(struct service_ports *ports, const struct message_listener *listener,
                           int fd);
/* Serves the requests that waited; see front_go_on(). */
void service_ports_go_on(struct service_ports *ports);
