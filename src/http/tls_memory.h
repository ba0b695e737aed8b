/*
 * Where OpenSSL's memory comes from. Of a connection's 14 KB the SSL itself takes half, of which
 * six sevenths are zeros, and nothing but its owner points to it: it is put to rest (rest.h).
 */
#pragma once

#include "http/rest.h"

#include <openssl/types.h>

/* To be called before anything else of OpenSSL, else SSLs do not rest. Again does nothing. */
void tls_memory_start(void);

/* SSL_new(), in memory of the set. Say rest_wake() before each use, SSL_free() too. */
SSL *tls_memory_new(struct rest_set *set, SSL_CTX *context);
