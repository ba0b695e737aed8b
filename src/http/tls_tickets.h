/*
 * The keys of session tickets. All threads begin with the same seed and go the same way from it, so
 * each has the same keys at the same time without asking another; old seeds and keys are forgotten.
 * A copy that is handed to another process goes the same way there.
 */
#pragma once

#include <stdint.h>

enum { TLS_SEED_SIZE = 32, TLS_TICKETS_PERIOD_MS = 3600 * 1000 };

struct tls_ticket_key {
    unsigned char name[16], cipher[32], mac[32];
};

struct tls_tickets {
    unsigned char seed[TLS_SEED_SIZE]; /* of this period */
    int64_t next_ms;                   /* when the next period begins */
    struct tls_ticket_key keys[2];     /* of this period and the one before */
};

void tls_tickets_init(struct tls_tickets *tickets, const unsigned char seed[TLS_SEED_SIZE],
                      int64_t start_ms);
/* The same with a random seed, as of now. */
void tls_tickets_begin(struct tls_tickets *tickets);
/* The key for new tickets. Times are CLOCK_MONOTONIC. */
const struct tls_ticket_key *tls_tickets_current(struct tls_tickets *tickets, int64_t now_ms);
/* The key of this name, or NULL. */
const struct tls_ticket_key *tls_tickets_find(struct tls_tickets *tickets,
                                              const unsigned char name[16], int64_t now_ms);
