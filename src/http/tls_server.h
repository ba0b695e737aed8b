/*
 * How a listener answers TLS: its policy and its certificates. The main thread makes one for each
 * distinct content and keeps it while configurations name it, so a change elsewhere costs nothing;
 * every thread makes OpenSSL contexts of its own from it when it first needs them.
 */
#pragma once

#include "base/map.h"
#include "http/tls_certificate.h"
#include "http/tls_tickets.h"
#include "wire/http1.h"
#include "wire/tls_policy.h"

enum { TLS_CERTIFICATES_MAX = 26 };

/* What all threads begin with. Of the main thread, but for `tickets`, which stay as they are. */
struct tls_store {
    struct map certificates, servers; /* by digest, in hex */
    int thread_count;
    struct tls_tickets tickets;
};

/* What is presented for a name: one certificate of each kind, so that every client can use one. */
struct tls_identity {
    const struct tls_certificate *rsa, *ecdsa; /* either may be NULL */
};

struct tls_server;

/* With tickets of its own. */
void tls_store_init(struct tls_store *store, int thread_count);
/* All that was got must have been released. */
void tls_store_finish(struct tls_store *store);

/* Both count; the same content gives the same object. NULL and err as tls_certificate_read(). */
struct tls_certificate *tls_store_certificate(struct tls_store *store, const struct tls_pem *pem,
                                              struct err *err);
void tls_store_release_certificate(struct tls_store *store, struct tls_certificate *certificate);

/* The first of the certificates is the default; `http2`: offers h2 before http/1.1. */
struct tls_server *tls_store_server(struct tls_store *store, const struct tls_policy *policy,
                                    struct tls_certificate *const *certificates, int count,
                                    bool http2);
void tls_store_release_server(struct tls_store *store, struct tls_server *server);

const struct tls_policy *tls_server_policy(const struct tls_server *server);
/* Whether a certificate is for this name (of a client, in any case). */
bool tls_server_has_name(const struct tls_server *server, struct slice name);
/* What is presented for this name, the default if no certificate is for it. */
const struct tls_identity *tls_server_identity(const struct tls_server *server, struct slice name);
/* The context of a thread for an identity of the server; NULL if memory ran out. */
SSL_CTX *tls_server_context(struct tls_server *server, const struct tls_identity *identity,
                            int thread);
/* Protocols and ciphers of a policy, and what every context has. False if memory ran out. */
bool tls_configure(SSL_CTX *context, const struct tls_policy *policy);
