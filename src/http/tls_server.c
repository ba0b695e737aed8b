#include "http/tls_server.h"

#include "http/tls_memory.h"

#include <ctype.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEX_SIZE = 2 * TLS_DIGEST_SIZE + 1, NAME_SIZE_MAX = 255, CIPHERS_SIZE = 1024 };

struct named {
    const char *name;
    int identity;
};

struct tls_server {
    unsigned char digest[TLS_DIGEST_SIZE];
    unsigned uses;
    const struct tls_policy *policy;
    bool http2;
    int thread_count;
    struct tls_certificate *certificates[TLS_CERTIFICATES_MAX];
    int certificate_count;
    struct named *names; /* sorted */
    int name_count;
    struct tls_identity *identities; /* the default first */
    int identity_count;
    SSL_CTX **contexts; /* by thread, then by identity; each thread touches only its own */
};

static void *zeroed(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory)
        abort();
    return memory;
}

static const char *hex_of(const unsigned char digest[TLS_DIGEST_SIZE], char out[HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < TLS_DIGEST_SIZE; i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[HEX_SIZE - 1] = '\0';
    return out;
}

/* ---- what is kept ---- */

void tls_store_init(struct tls_store *store, int thread_count)
{
    tls_memory_start();
    *store = (struct tls_store){.thread_count = thread_count};
    tls_tickets_begin(&store->tickets);
}

void tls_store_finish(struct tls_store *store)
{
    map_finish(&store->certificates);
    map_finish(&store->servers);
    OPENSSL_cleanse(&store->tickets, sizeof store->tickets);
}

struct tls_certificate *tls_store_certificate(struct tls_store *store, const struct tls_pem *pem,
                                              struct err *err)
{
    unsigned char digest[TLS_DIGEST_SIZE];
    char hex[HEX_SIZE];
    tls_pem_digest(pem, digest);
    struct tls_certificate *certificate = map_get(&store->certificates, hex_of(digest, hex));
    if (!certificate) {
        certificate = tls_certificate_read(pem, err);
        if (!certificate)
            return NULL;
        if (map_set(&store->certificates, hex, certificate) < 0)
            abort();
    }
    certificate->uses++;
    return certificate;
}

void tls_store_release_certificate(struct tls_store *store, struct tls_certificate *certificate)
{
    char hex[HEX_SIZE];
    if (--certificate->uses)
        return;
    map_remove(&store->certificates, hex_of(certificate->digest, hex));
    tls_certificate_free(certificate);
}

/* ---- names ---- */

static bool is_better(const struct tls_certificate *a, const struct tls_certificate *b)
{
    if (!b || a->bits != b->bits)
        return !b || a->bits > b->bits;
    return a->not_after > b->not_after;
}

static void consider(struct tls_identity *identity, const struct tls_certificate *certificate)
{
    const struct tls_certificate **place = certificate->ecdsa ? &identity->ecdsa : &identity->rsa;
    if (is_better(certificate, *place))
        *place = certificate;
}

static bool has_name(const struct tls_certificate *certificate, const char *name)
{
    for (int i = 0; i < certificate->name_count; i++)
        if (strcmp(certificate->names[i], name) == 0)
            return true;
    return false;
}

/* The best certificate of each kind that has this very name. */
static struct tls_identity choose(const struct tls_server *server, const char *name)
{
    struct tls_identity identity = {NULL, NULL};
    for (int i = 0; i < server->certificate_count; i++)
        if (has_name(server->certificates[i], name))
            consider(&identity, server->certificates[i]);
    return identity;
}

static int place_identity(struct tls_server *server, struct tls_identity identity)
{
    for (int i = 0; i < server->identity_count; i++)
        if (server->identities[i].rsa == identity.rsa &&
            server->identities[i].ecdsa == identity.ecdsa)
            return i;
    server->identities[server->identity_count] = identity;
    return server->identity_count++;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

static void make_names(struct tls_server *server)
{
    int count = 0, kept = 0;
    for (int i = 0; i < server->certificate_count; i++)
        count += server->certificates[i]->name_count;
    struct named *names = zeroed((size_t)count, sizeof *names);
    server->identities = zeroed(1 + (size_t)count, sizeof *server->identities);
    consider(&server->identities[server->identity_count++], server->certificates[0]);
    for (int i = 0; i < server->certificate_count; i++)
        for (int n = 0; n < server->certificates[i]->name_count; n++)
            names[server->name_count++].name = server->certificates[i]->names[n];
    qsort(names, (size_t)count, sizeof *names, by_name);
    for (int i = 0; i < count; i++) {
        if (kept && strcmp(names[kept - 1].name, names[i].name) == 0)
            continue;
        names[kept] = names[i];
        names[kept].identity = place_identity(server, choose(server, names[i].name));
        kept++;
    }
    server->names = names;
    server->name_count = kept;
}

static const struct named *find(const struct tls_server *server, const char *name)
{
    struct named key = {.name = name};
    return bsearch(&key, server->names, (size_t)server->name_count, sizeof key, by_name);
}

/* By the whole name, then by a wildcard in place of its first label. */
static const struct named *find_client_name(const struct tls_server *server, struct slice name)
{
    char text[NAME_SIZE_MAX + 1];
    if (name.size && name.data[name.size - 1] == '.')
        name.size--;
    if (!name.size || name.size > NAME_SIZE_MAX)
        return NULL;
    for (size_t i = 0; i < name.size; i++)
        text[i] = (char)tolower((unsigned char)name.data[i]);
    text[name.size] = '\0';
    const struct named *found = find(server, text);
    char *dot = strchr(text, '.');
    if (found || !dot || dot == text)
        return found;
    dot[-1] = '*';
    return find(server, dot - 1);
}

bool tls_server_has_name(const struct tls_server *server, struct slice name)
{
    return find_client_name(server, name) != NULL;
}

const struct tls_identity *tls_server_identity(const struct tls_server *server, struct slice name)
{
    const struct named *found = find_client_name(server, name);
    return &server->identities[found ? found->identity : 0];
}

/* ---- servers ---- */

static void digest_server(const struct tls_policy *policy,
                          struct tls_certificate *const *certificates, int count, bool http2,
                          unsigned char digest[TLS_DIGEST_SIZE])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1)
        abort();
    EVP_DigestUpdate(context, policy->name, strlen(policy->name) + 1);
    EVP_DigestUpdate(context, &http2, sizeof http2);
    for (int i = 0; i < count; i++)
        EVP_DigestUpdate(context, certificates[i]->digest, TLS_DIGEST_SIZE);
    EVP_DigestFinal_ex(context, digest, NULL);
    EVP_MD_CTX_free(context);
}

struct tls_server *tls_store_server(struct tls_store *store, const struct tls_policy *policy,
                                    struct tls_certificate *const *certificates, int count,
                                    bool http2)
{
    unsigned char digest[TLS_DIGEST_SIZE];
    char hex[HEX_SIZE];
    digest_server(policy, certificates, count, http2, digest);
    struct tls_server *server = map_get(&store->servers, hex_of(digest, hex));
    if (server) {
        server->uses++;
        return server;
    }
    server = zeroed(1, sizeof *server);
    memcpy(server->digest, digest, sizeof digest);
    server->uses = 1;
    server->policy = policy;
    server->http2 = http2;
    server->thread_count = store->thread_count;
    for (int i = 0; i < count; i++) {
        server->certificates[server->certificate_count++] = certificates[i];
        certificates[i]->uses++;
    }
    make_names(server);
    server->contexts =
        zeroed((size_t)store->thread_count * (size_t)server->identity_count, sizeof(SSL_CTX *));
    if (map_set(&store->servers, hex, server) < 0)
        abort();
    return server;
}

void tls_store_release_server(struct tls_store *store, struct tls_server *server)
{
    char hex[HEX_SIZE];
    if (--server->uses)
        return;
    map_remove(&store->servers, hex_of(server->digest, hex));
    /* Connections that still use a context hold it themselves. */
    for (int i = 0; i < server->thread_count * server->identity_count; i++)
        SSL_CTX_free(server->contexts[i]);
    for (int i = 0; i < server->certificate_count; i++)
        tls_store_release_certificate(store, server->certificates[i]);
    free(server->contexts);
    free(server->identities);
    free(server->names);
    free(server);
}

const struct tls_policy *tls_server_policy(const struct tls_server *server)
{
    return server->policy;
}

/* ---- contexts ---- */

/* "A:B:C" */
static void add_cipher(char list[CIPHERS_SIZE], const char *cipher)
{
    size_t used = strlen(list);
    snprintf(list + used, CIPHERS_SIZE - used, "%s%s", used ? ":" : "", cipher);
}

static bool set_ciphers(SSL_CTX *context, const struct tls_policy *policy)
{
    char tls13[CIPHERS_SIZE] = "", older[CIPHERS_SIZE] = "";
    for (const char *const *cipher = policy->ciphers; *cipher; cipher++)
        add_cipher(strncmp(*cipher, "TLS_", 4) == 0 ? tls13 : older, *cipher);
    return SSL_CTX_set_ciphersuites(context, tls13) == 1 &&
           (!*older || SSL_CTX_set_cipher_list(context, older) == 1);
}

bool tls_configure(SSL_CTX *context, const struct tls_policy *policy)
{
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE);
    /* TLS before 1.2 signs with SHA-1, which OpenSSL allows only where everything goes. */
    SSL_CTX_set_security_level(context, policy->oldest < 2 ? 0 : 1);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    return SSL_CTX_set_min_proto_version(context, TLS1_VERSION + policy->oldest) == 1 &&
           SSL_CTX_set_max_proto_version(context, TLS1_VERSION + policy->newest) == 1 &&
           set_ciphers(context, policy);
}

/* The first of our protocols that the client has; none is HTTP/1 too. */
static int select_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_size,
                           const unsigned char *in, unsigned in_size, void *argument)
{
    static const unsigned char protocols[] = "\2h2\10http/1.1";
    const struct tls_server *server = argument;
    unsigned char *chosen;
    unsigned skip = server->http2 ? 0 : 3;
    (void)ssl;
    if (SSL_select_next_proto(&chosen, out_size, protocols + skip, sizeof protocols - 1 - skip, in,
                              in_size) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *make_context(struct tls_server *server, const struct tls_identity *identity)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    bool sound = context && tls_configure(context, server->policy) &&
                 (!identity->rsa || tls_certificate_use(identity->rsa, context)) &&
                 (!identity->ecdsa || tls_certificate_use(identity->ecdsa, context)) &&
                 SSL_CTX_set_session_id_context(context, server->digest, TLS_DIGEST_SIZE) == 1;
    if (!sound) {
        ERR_clear_error();
        SSL_CTX_free(context);
        return NULL;
    }
    SSL_CTX_set_alpn_select_cb(context, select_protocol, server);
    return context;
}

SSL_CTX *tls_server_context(struct tls_server *server, const struct tls_identity *identity,
                            int thread)
{
    SSL_CTX **place =
        &server->contexts[thread * server->identity_count + (int)(identity - server->identities)];
    if (!*place)
        *place = make_context(server, identity);
    return *place;
}
