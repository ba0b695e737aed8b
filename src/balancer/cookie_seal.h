/*
 * Stickiness cookies: what they say, sealed so that nobody else can read or make one.
 *
 * The text is base64 of: version (1 byte), day (2), nonce (12), entries (20 each), tag (16);
 * AES-256-GCM over the entries, with version and day authenticated. The key is made of the load
 * balancer's CookieKey, its name, the cookie's name and the day, so keys change daily and a cookie
 * says nothing to another load balancer, nor under another name. Pure but for nonces.
 */
#pragma once

#include "wire/http1.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    COOKIE_KEY_SIZE = 32,
    SESSION_ENTRIES_MAX = 16,
    SESSION_TEXT_SIZE = (15 + 20 * SESSION_ENTRIES_MAX + 16 + 2) / 3 * 4 + 1,
};

/* "The client stays at this target of this group until then." */
struct session_entry {
    uint64_t group, target; /* session_hash() of their names; AWSALBTG names no target */
    int64_t expires_s;      /* Unix time */
};

/* What one cookie says: a client may have sessions with several groups of a load balancer. */
struct session {
    int count;
    struct session_entry entries[SESSION_ENTRIES_MAX]; /* the one set last first */
};

/* FNV-1a, 64 bits: the same in every process that ever reads a cookie. */
uint64_t session_hash(const void *data, size_t size);
/* The entry of `group`, or NULL. */
const struct session_entry *session_find(const struct session *session, uint64_t group);
/* Puts an entry first, instead of the group's old one, or of the last one if there is no room. */
void session_set(struct session *session, const struct session_entry *entry);
void session_remove(struct session *session, uint64_t group);

/* Of one thread: ciphers that are ready, and nonces. Zero it before the first call. */
struct cookie_sealer {
    struct cookie_cipher *ciphers;
    unsigned char nonces[12 * 64];
    int nonce_count;
    uint64_t turn;
};

void cookie_sealer_finish(struct cookie_sealer *sealer);

/* Whose cookie it is. */
struct cookie_owner {
    const uint8_t *key; /* COOKIE_KEY_SIZE bytes */
    const char *load_balancer;
    const char *name; /* "AWSALB" ... */
};

/* Writes the cookie's value and its NUL to `out`. Returns its size, or 0 if there is no memory. */
size_t cookie_seal(struct cookie_sealer *sealer, const struct cookie_owner *owner,
                   const struct session *session, int64_t now_s, char out[SESSION_TEXT_SIZE]);
/* Reads a value: its entries that have not expired. False if it is not one of ours. */
bool cookie_open(struct cookie_sealer *sealer, const struct cookie_owner *owner, struct slice value,
                 int64_t now_s, struct session *out);
