/* Takes messages to servers outside by HTTP, and says how it was answered. */
#pragma once

#include "base/err.h"
#include "loop/loop.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { COURIER_ID_SIZE = 40, COURIER_ATTEMPTS_MAX = 64 };

struct courier;

struct courier_options {
    struct sockaddr_in resolver; /* that is asked for names; port 0: none */
    int trusted_fd;              /* a PEM file of certificates to trust, taken over; -1: none */
    /* The address of a name that this cloud knows by itself. False if it does not. */
    bool (*find)(void *arg, const char *name, uint32_t *ret_address);
    /*
     * An attempt is over: `status` of the answer, or 0 if there was none, and then `text` says why.
     */
    void (*done)(void *arg, const char *id, int status, const char *text);
    void *arg;
};

/* NULL and err on failure; then the descriptor is closed too. */
struct courier *courier_create(struct loop *loop, const struct courier_options *options,
                               struct err *err);
/* Ends every attempt; nobody is told. NULL is allowed. */
void courier_destroy(struct courier *courier);
/*
 * Begins an attempt: {"Url", "Headers": whole lines, "Body", "Authority": PEM?}. It ends with a
 * call of `done`, perhaps before this returns.
 */
void courier_send(struct courier *courier, const char *id, const char *json, size_t size);
