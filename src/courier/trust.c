#include "courier/trust.h"

#include "base/buf.h"
#include "base/cleanup.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <unistd.h>

enum { FILE_SIZE_MAX = 4 * 1024 * 1024, PIECE_SIZE = 65536 };

struct trust {
    int fd;           /* of the file; -1 once it was read */
    SSL_CTX *context; /* NULL until it is needed */
    char *last;       /* the authority that was added last */
};

struct trust *trust_create(int fd)
{
    struct trust *trust = calloc(1, sizeof *trust);
    if (!trust) {
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    trust->fd = fd;
    return trust;
}

void trust_destroy(struct trust *trust)
{
    if (!trust)
        return;
    if (trust->fd >= 0)
        close(trust->fd);
    SSL_CTX_free(trust->context);
    free(trust->last);
    free(trust);
}

/* Every certificate of a text; what is none is passed over. */
static int add_all(SSL_CTX *context, const char *pem, size_t size)
{
    int count = 0;
    BIO *bio = BIO_new_mem_buf(pem, (int)size);
    X509 *x509;
    while (bio && (x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
        count += X509_STORE_add_cert(SSL_CTX_get_cert_store(context), x509) == 1;
        X509_free(x509);
    }
    BIO_free(bio);
    ERR_clear_error();
    return count;
}

static void read_file(struct trust *trust)
{
    auto_buf text = {.size_limit = FILE_SIZE_MAX};
    ssize_t got = 1;
    while (got > 0 && buf_reserve(&text, PIECE_SIZE)) {
        got = read(trust->fd, text.data + text.size, PIECE_SIZE);
        text.size += got > 0 ? (size_t)got : 0;
    }
    if (text.size)
        add_all(trust->context, text.data, text.size);
    close(trust->fd);
    trust->fd = -1;
}

static int prepare(struct trust *trust, struct err *err)
{
    if (trust->context)
        return 0;
    trust->context = SSL_CTX_new(TLS_client_method());
    if (!trust->context)
        return err_set(err, "TLS cannot be prepared: out of memory");
    SSL_CTX_set_min_proto_version(trust->context, TLS1_2_VERSION);
    SSL_CTX_set_verify(trust->context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(trust->context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (trust->fd >= 0)
        read_file(trust);
    return 0;
}

int trust_add(struct trust *trust, const char *pem, struct err *err)
{
    if (trust->last && !strcmp(trust->last, pem))
        return 0;
    if (prepare(trust, err) < 0)
        return -1;
    if (!add_all(trust->context, pem, strlen(pem)))
        return err_set(err, "the authority is no certificate");
    free(trust->last);
    trust->last = strdup(pem);
    return 0;
}

SSL *trust_connect(struct trust *trust, int fd, const char *host, struct err *err)
{
    struct in_addr ignored;
    bool by_address = inet_pton(AF_INET, host, &ignored) == 1;
    SSL *ssl = prepare(trust, err) == 0 ? SSL_new(trust->context) : NULL;
    bool done =
        ssl && SSL_set_fd(ssl, fd) == 1 &&
        (by_address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1
                    : SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1);
    if (done) {
        SSL_set_connect_state(ssl);
        return ssl;
    }
    SSL_free(ssl);
    ERR_clear_error();
    err_set(err, "TLS cannot be prepared");
    return NULL;
}
