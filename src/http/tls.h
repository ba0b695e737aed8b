/*
 * TLS on one transport. OpenSSL reads from the socket itself; what it writes is handed to the
 * caller, to be sent as it is and to wait like anything else that the socket does not take.
 */
#pragma once

#include "http/rest.h"
#include "http/tls_server.h"
#include "http/transport.h"

struct ssl_session_st; /* OpenSSL's SSL_SESSION */

/* What one thread keeps for all its connections. */
struct tls_thread;

/*
 * NULL and err if memory ran out. Connections that say nothing rest in `resting`, which must
 * outlive the thread; NULL: they do not rest.
 */
struct tls_thread *tls_thread_create(const struct tls_store *store, int index,
                                     struct rest_set *resting, struct err *err);
void tls_thread_destroy(struct tls_thread *thread);

/*
 * Which server answers a client that asks for `name` (empty: for none). NULL refuses it. Called
 * within tls_handshake(); the server must live until the handshake is over.
 */
typedef struct tls_server *tls_find_server(void *owner, struct slice name);

/* Makes the connection one of TLS; tls_handshake() follows. False if memory ran out. */
bool tls_accept(struct transport *transport, struct tls_thread *thread, tls_find_server *find,
                void *owner);
/*
 * The same for a connection to a target, whose certificate is not looked at. `*session` is where
 * sessions are kept, for the next connection; it must outlive this one.
 */
bool tls_connect(struct transport *transport, struct tls_thread *thread,
                 const struct tls_policy *policy, bool http2, struct ssl_session_st **session);
void tls_session_free(struct ssl_session_st *session);

enum tls_progress { TLS_FAILED = -1, TLS_WAITING, TLS_DONE };

/*
 * Goes on with the handshake as far as what was received allows. Whatever it returns, `wire` is to
 * be sent (it may be empty, and is good until the thread does anything with TLS again).
 */
enum tls_progress tls_handshake(struct transport *transport, struct iovec *wire);

/* Encrypts the pieces into `wire`, good as above. False if that failed: close the connection. */
bool tls_seal(struct transport *transport, const struct iovec *pieces, int count,
              struct iovec *wire);

/* After the handshake. */
bool tls_is_http2(const struct transport *transport);
/* The name that the client asked for, or NULL. */
const char *tls_server_name(const struct transport *transport);
/* "TLSv1.3", and OpenSSL's name of the cipher. */
const char *tls_version(const struct transport *transport);
const char *tls_cipher(const struct transport *transport);
/* The ARN of the certificate that was presented; NULL if it has none. */
const char *tls_certificate_arn(const struct transport *transport);
/* Whether an earlier session was resumed. */
bool tls_is_resumed(const struct transport *transport);

/* For transport.c: says that nothing more is sent; frees. */
void tls_end(struct transport *transport);
void tls_free(struct transport *transport);
