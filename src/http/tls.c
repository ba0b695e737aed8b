#include "http/tls.h"

#include "http/tls_memory.h"
#include "os/clock.h"
#include "wire/tls_hello.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

enum {
    RECORD_SIZE = 16384,
    HANDSHAKE_SIZE_MAX = 32768, /* of what a client sends before it is over */
    WIRE_SIZE_MIN = 32768,
    SESSION_SECONDS = TLS_TICKETS_PERIOD_MS / 1000,
};

struct tls_thread {
    int index;
    struct rest_set *resting;
    struct tls_tickets tickets;
    EVP_CIPHER *cipher; /* of tickets */
    BIO_METHOD *method;
    SSL_CTX *front;         /* of every client, until its first message says whom it wants */
    SSL_CTX *targets[2][2]; /* with TLS 1.3 or not, with HTTP/2 or not */
    char *wire;             /* what OpenSSL wrote, until it is sent */
    size_t wire_size, wire_capacity;
    char record[RECORD_SIZE]; /* pieces put together */
};

struct tls {
    SSL *resting_ssl; /* ssl_of() has it awake */
    struct tls_thread *thread;
    tls_find_server *find; /* until the handshake is over */
    void *owner;
    struct ssl_session_st **session; /* to targets */
    unsigned received;               /* in the handshake */
    bool established;
    bool socket_readable; /* transport->readable counts what OpenSSL holds, too */
};

static SSL *ssl_of(const struct tls *tls)
{
    rest_wake(tls->resting_ssl);
    return tls->resting_ssl;
}

/* ---- OpenSSL's side of the socket ---- */

static int bio_read(BIO *bio, char *data, int size)
{
    struct transport *transport = BIO_get_data(bio);
    struct tls *tls = transport->tls;
    ssize_t got = -1;
    BIO_clear_retry_flags(bio);
    if (tls->socket_readable)
        do
            got = recv(transport->fd, data, (size_t)size, 0);
        while (got < 0 && errno == EINTR);
    if (got < 0 && (!tls->socket_readable || errno == EAGAIN)) {
        tls->socket_readable = false;
        BIO_set_retry_read(bio);
        return -1;
    }
    if (got > 0 && got < size && !transport->hangup)
        tls->socket_readable = false; /* the kernel tells when there is more */
    if (got > 0 && !tls->established && (tls->received += (unsigned)got) > HANDSHAKE_SIZE_MAX)
        return 0;
    return got < 0 ? 0 : (int)got;
}

static int bio_write(BIO *bio, const char *data, int size)
{
    const struct transport *transport = BIO_get_data(bio);
    struct tls_thread *thread = transport->tls->thread;
    size_t needed = thread->wire_size + (size_t)size;
    if (needed > thread->wire_capacity) {
        size_t capacity = 2 * needed < WIRE_SIZE_MIN ? WIRE_SIZE_MIN : 2 * needed;
        char *wire = realloc(thread->wire, capacity);
        if (!wire)
            return -1;
        thread->wire = wire;
        thread->wire_capacity = capacity;
    }
    memcpy(thread->wire + thread->wire_size, data, (size_t)size);
    thread->wire_size = needed;
    return size;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static struct transport *transport_of(const SSL *ssl)
{
    return BIO_get_data(SSL_get_rbio(ssl));
}

/* ---- callbacks ---- */

/* The first message of a client: everything is chosen by the name that it asks for. */
static int on_client_hello(SSL *ssl, int *alert, void *argument)
{
    struct tls *tls = transport_of(ssl)->tls;
    struct slice name = {"", 0};
    const unsigned char *data;
    size_t size;
    (void)argument;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &size) == 1)
        tls_hello_server_name(data, size, &name);
    struct tls_server *server = tls->find(tls->owner, name);
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    if (!server)
        return SSL_CLIENT_HELLO_ERROR;
    const struct tls_policy *policy = tls_server_policy(server);
    SSL_CTX *context =
        tls_server_context(server, tls_server_identity(server, name), tls->thread->index);
    *alert = SSL_AD_INTERNAL_ERROR;
    return context && SSL_set_SSL_CTX(ssl, context) == context &&
                   SSL_set_min_proto_version(ssl, TLS1_VERSION + policy->oldest) == 1 &&
                   SSL_set_max_proto_version(ssl, TLS1_VERSION + policy->newest) == 1
               ? SSL_CLIENT_HELLO_SUCCESS
               : SSL_CLIENT_HELLO_ERROR;
}

/* OpenSSL keeps the name for tls_server_name() only if somebody took it. */
static int on_server_name(SSL *ssl, int *alert, void *argument)
{
    (void)ssl;
    (void)alert;
    (void)argument;
    return SSL_TLSEXT_ERR_OK;
}

static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                     EVP_MAC_CTX *mac, int encrypt)
{
    struct tls_thread *thread = transport_of(ssl)->tls->thread;
    const struct tls_ticket_key *current = tls_tickets_current(&thread->tickets, clock_mono_ms());
    const struct tls_ticket_key *key =
        encrypt ? current : tls_tickets_find(&thread->tickets, name, clock_mono_ms());
    if (!key)
        return 0; /* too old: a whole handshake */
    if (encrypt) {
        memcpy(name, key->name, sizeof key->name);
        if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(thread->cipher)) != 1)
            return -1;
    }
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)key->mac, sizeof key->mac),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
        OSSL_PARAM_construct_end(),
    };
    if (EVP_CipherInit_ex(cipher, thread->cipher, NULL, key->cipher, iv, encrypt) != 1 ||
        EVP_MAC_CTX_set_params(mac, parameters) != 1)
        return -1;
    /* 2: take it, and give a new one. Of TLS 1.3, clients use each once only (RFC 8446, C.4). */
    return encrypt || (key == current && SSL_version(ssl) < TLS1_3_VERSION) ? 1 : 2;
}

/* A target gave a session: the next connection to it takes the last. */
static int on_session(SSL *ssl, SSL_SESSION *session)
{
    struct tls *tls = transport_of(ssl)->tls;
    SSL_SESSION_free(*tls->session);
    *tls->session = session;
    return 1;
}

/* ---- threads ---- */

static SSL_CTX *make_front(void)
{
    const struct tls_policy *widest = tls_policy_find("ELBSecurityPolicy-TLS13-1-0-2021-06");
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (!context || !tls_configure(context, widest)) {
        SSL_CTX_free(context);
        return NULL;
    }
    SSL_CTX_set_client_hello_cb(context, on_client_hello, NULL);
    SSL_CTX_set_tlsext_servername_callback(context, on_server_name);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket);
    SSL_CTX_set_timeout(context, SESSION_SECONDS);
    SSL_CTX_set_num_tickets(context, 1); /* each is 6 % of a handshake; resuming gives the next */
    return context;
}

struct tls_thread *tls_thread_create(const struct tls_store *store, int index,
                                     struct rest_set *resting, struct err *err)
{
    struct tls_thread *thread = calloc(1, sizeof *thread);
    if (thread) {
        thread->index = index;
        thread->resting = resting;
        thread->tickets = store->tickets;
        thread->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
        thread->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "transport");
        thread->front = make_front();
    }
    if (!thread || !thread->cipher || !thread->method || !thread->front ||
        BIO_meth_set_read(thread->method, bio_read) != 1 ||
        BIO_meth_set_write(thread->method, bio_write) != 1 ||
        BIO_meth_set_ctrl(thread->method, bio_control) != 1) {
        ERR_clear_error();
        tls_thread_destroy(thread);
        err_set(err, "TLS cannot be prepared: out of memory");
        return NULL;
    }
    return thread;
}

void tls_thread_destroy(struct tls_thread *thread)
{
    if (!thread)
        return;
    SSL_CTX_free(thread->front);
    for (int i = 0; i < 4; i++)
        SSL_CTX_free(thread->targets[i / 2][i % 2]);
    EVP_CIPHER_free(thread->cipher);
    BIO_meth_free(thread->method);
    free(thread->wire);
    OPENSSL_cleanse(&thread->tickets, sizeof thread->tickets);
    free(thread);
}

static SSL_CTX *make_target_context(const struct tls_policy *policy, bool http2)
{
    static const unsigned char protocols[] = "\2h2";
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context || !tls_configure(context, policy) ||
        (http2 && SSL_CTX_set_alpn_protos(context, protocols, sizeof protocols - 1) != 0)) {
        SSL_CTX_free(context);
        return NULL;
    }
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, on_session);
    return context;
}

/* ---- connections ---- */

static struct tls *begin(struct transport *transport, struct tls_thread *thread, SSL_CTX *context)
{
    struct tls *tls = calloc(1, sizeof *tls);
    BIO *bio = BIO_new(thread->method);
    SSL *ssl = context ? tls_memory_new(thread->resting, context) : NULL;
    if (!tls || !bio || !ssl) {
        ERR_clear_error();
        SSL_free(ssl);
        BIO_free(bio);
        free(tls);
        return NULL;
    }
    BIO_set_data(bio, transport);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    tls->resting_ssl = ssl;
    tls->thread = thread;
    transport->tls = tls;
    return tls;
}

bool tls_accept(struct transport *transport, struct tls_thread *thread, tls_find_server *find,
                void *owner)
{
    struct tls *tls = begin(transport, thread, thread->front);
    if (!tls)
        return false;
    tls->find = find;
    tls->owner = owner;
    SSL_set_accept_state(ssl_of(tls));
    return true;
}

bool tls_connect(struct transport *transport, struct tls_thread *thread,
                 const struct tls_policy *policy, bool http2, struct ssl_session_st **session)
{
    SSL_CTX **context = &thread->targets[policy->newest == 3][http2];
    if (!*context)
        *context = make_target_context(policy, http2);
    struct tls *tls = begin(transport, thread, *context);
    if (!tls)
        return false;
    tls->session = session;
    if (*session)
        SSL_set_session(ssl_of(tls), *session);
    SSL_set_connect_state(ssl_of(tls));
    return true;
}

void tls_session_free(struct ssl_session_st *session)
{
    SSL_SESSION_free(session);
}

/* What OpenSSL wants after it returned `result` <= 0: whether only more from the peer. */
static bool wants_more(struct tls *tls, int result)
{
    bool more = SSL_get_error(ssl_of(tls), result) == SSL_ERROR_WANT_READ;
    ERR_clear_error();
    return more;
}

static bool has_more(const struct tls *tls)
{
    return tls->socket_readable || SSL_has_pending(ssl_of(tls));
}

enum tls_progress tls_handshake(struct transport *transport, struct iovec *wire)
{
    struct tls *tls = transport->tls;
    struct tls_thread *thread = tls->thread;
    thread->wire_size = 0;
    tls->socket_readable = transport->readable;
    int result = SSL_do_handshake(ssl_of(tls));
    bool waiting = result != 1 && wants_more(tls, result);
    *wire = (struct iovec){thread->wire, thread->wire_size};
    /* Not more than is so: whoever reads ahead of epoll gets an event for nothing. */
    transport->readable = !waiting && has_more(tls);
    tls->established = result == 1;
    return waiting ? TLS_WAITING : tls->established ? TLS_DONE : TLS_FAILED;
}

/* What OpenSSL says while it reads is an alert, after which it is no use to go on. */
static bool send_alert(struct transport *transport)
{
    struct tls_thread *thread = transport->tls->thread;
    if (!thread->wire_size)
        return false;
    transport_send(transport, &(struct iovec){thread->wire, thread->wire_size}, 1);
    return true;
}

ssize_t transport_receive_tls(struct transport *transport, void *data, size_t size)
{
    struct tls *tls = transport->tls;
    size_t got = 0;
    bool waiting = false, ended = false;
    tls->thread->wire_size = 0;
    tls->socket_readable = true;
    while (got < size && !waiting && !ended && has_more(tls)) {
        size_t part = 0;
        int result = SSL_read_ex(ssl_of(tls), (char *)data + got, size - got, &part);
        got += part;
        waiting = result != 1 && wants_more(tls, result);
        ended = result != 1 && !waiting;
    }
    ended |= send_alert(transport);
    transport->readable = ended || (!waiting && has_more(tls));
    if (got)
        return (ssize_t)got; /* the end shows the next time */
    return ended ? 0 : -1;
}

/* ---- sending ---- */

static bool write_record(struct tls *tls, const char *data, size_t size)
{
    size_t written;
    bool sound = !size || SSL_write_ex(ssl_of(tls), data, size, &written) == 1;
    if (!sound)
        ERR_clear_error();
    return sound;
}

/* Whole records as they lie; less than one is put together with what follows. */
static bool add_piece(struct tls *tls, const struct iovec *piece, bool last, size_t *filled)
{
    char *record = tls->thread->record;
    const char *at = piece->iov_base;
    size_t left = piece->iov_len;
    while (left) {
        if (!*filled && (last || left >= RECORD_SIZE))
            return write_record(tls, at, left);
        size_t part = RECORD_SIZE - *filled < left ? RECORD_SIZE - *filled : left;
        memcpy(record + *filled, at, part);
        *filled += part;
        at += part;
        left -= part;
        if (*filled < RECORD_SIZE)
            return true;
        *filled = 0;
        if (!write_record(tls, record, RECORD_SIZE))
            return false;
    }
    return true;
}

bool tls_seal(struct transport *transport, const struct iovec *pieces, int count,
              struct iovec *wire)
{
    struct tls *tls = transport->tls;
    struct tls_thread *thread = tls->thread;
    size_t filled = 0;
    bool sound = true;
    thread->wire_size = 0;
    for (int i = 0; i < count && sound; i++)
        sound = add_piece(tls, &pieces[i], i == count - 1, &filled);
    sound = sound && write_record(tls, thread->record, filled);
    *wire = (struct iovec){thread->wire, thread->wire_size};
    return sound;
}

/* ---- what was agreed on; the end ---- */

bool tls_is_http2(const struct transport *transport)
{
    const unsigned char *protocol;
    unsigned size;
    SSL_get0_alpn_selected(ssl_of(transport->tls), &protocol, &size);
    return size == 2 && memcmp(protocol, "h2", 2) == 0;
}

const char *tls_server_name(const struct transport *transport)
{
    return SSL_get_servername(ssl_of(transport->tls), TLSEXT_NAMETYPE_host_name);
}

const char *tls_version(const struct transport *transport)
{
    return tls_protocol_name(SSL_version(ssl_of(transport->tls)) - TLS1_VERSION);
}

const char *tls_cipher(const struct transport *transport)
{
    return SSL_get_cipher_name(ssl_of(transport->tls));
}

/* OpenSSL ends its strings with a NUL. */
const char *tls_certificate_arn(const struct transport *transport)
{
    X509 *certificate = SSL_get_certificate(ssl_of(transport->tls));
    int size;
    return certificate ? (const char *)X509_alias_get0(certificate, &size) : NULL;
}

bool tls_is_resumed(const struct transport *transport)
{
    return SSL_session_reused(ssl_of(transport->tls)) == 1;
}

void tls_end(struct transport *transport)
{
    struct tls *tls = transport->tls;
    tls->thread->wire_size = 0;
    if (tls->established && SSL_shutdown(ssl_of(tls)) < 0)
        ERR_clear_error();
    send_alert(transport);
}

void tls_free(struct transport *transport)
{
    struct tls *tls = transport->tls;
    if (!tls)
        return;
    /* Else OpenSSL takes the connection for broken, and its session for bad. */
    SSL_set_shutdown(ssl_of(tls), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(ssl_of(tls));
    free(tls);
    transport->tls = NULL;
}
