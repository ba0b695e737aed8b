#include "http/tls_tickets.h"

#include "os/clock.h"
#include "os/random.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <string.h>

static void derive(const unsigned char seed[TLS_SEED_SIZE], char use,
                   unsigned char out[SHA256_DIGEST_LENGTH])
{
    unsigned char input[TLS_SEED_SIZE + 1];
    memcpy(input, seed, TLS_SEED_SIZE);
    input[TLS_SEED_SIZE] = (unsigned char)use;
    SHA256(input, sizeof input, out);
    OPENSSL_cleanse(input, sizeof input);
}

static void make_key(struct tls_tickets *tickets)
{
    struct tls_ticket_key *key = &tickets->keys[0];
    unsigned char name[SHA256_DIGEST_LENGTH];
    derive(tickets->seed, 'n', name);
    memcpy(key->name, name, sizeof key->name);
    derive(tickets->seed, 'c', key->cipher);
    derive(tickets->seed, 'm', key->mac);
}

void tls_tickets_init(struct tls_tickets *tickets, const unsigned char seed[TLS_SEED_SIZE],
                      int64_t start_ms)
{
    memcpy(tickets->seed, seed, TLS_SEED_SIZE);
    tickets->next_ms = start_ms + TLS_TICKETS_PERIOD_MS;
    make_key(tickets);
    tickets->keys[1] = tickets->keys[0];
}

void tls_tickets_begin(struct tls_tickets *tickets)
{
    unsigned char seed[TLS_SEED_SIZE];
    random_bytes(seed, sizeof seed);
    tls_tickets_init(tickets, seed, clock_mono_ms());
    OPENSSL_cleanse(seed, sizeof seed);
}

static void advance(struct tls_tickets *tickets, int64_t now_ms)
{
    while (now_ms >= tickets->next_ms) {
        derive(tickets->seed, 's', tickets->seed);
        tickets->next_ms += TLS_TICKETS_PERIOD_MS;
        tickets->keys[1] = tickets->keys[0];
        make_key(tickets);
    }
}

const struct tls_ticket_key *tls_tickets_current(struct tls_tickets *tickets, int64_t now_ms)
{
    advance(tickets, now_ms);
    return &tickets->keys[0];
}

const struct tls_ticket_key *tls_tickets_find(struct tls_tickets *tickets,
                                              const unsigned char name[16], int64_t now_ms)
{
    advance(tickets, now_ms);
    for (int i = 0; i < 2; i++)
        if (memcmp(tickets->keys[i].name, name, sizeof tickets->keys[i].name) == 0)
            return &tickets->keys[i];
    return NULL;
}
