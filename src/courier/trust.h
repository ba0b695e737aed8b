/* Whom TLS trusts, and connections that do. */
#pragma once

#include "base/err.h"

#include <openssl/types.h>

struct trust;

/* Takes over a PEM file that is read when it is first needed; -1: none. NULL if memory ran out. */
struct trust *trust_create(int fd);
void trust_destroy(struct trust *trust);
/* Trusts an authority besides; harmless if it is one already. */
int trust_add(struct trust *trust, const char *pem, struct err *err);
/*
 * The client's end of a connection on `fd`, before its handshake, which succeeds with a certificate
 * for `host` (a name or an IPv4 address) only. To be freed with SSL_free(). NULL and err.
 */
SSL *trust_connect(struct trust *trust, int fd, const char *host, struct err *err);
