/* What a client's first TLS message says, where the library does not say it early enough. */
#pragma once

#include "wire/http1.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The host name in a server_name extension (RFC 6066, section 3). False if it is not well-formed,
 * holds no host name, or one that no DNS name can be.
 */
bool tls_hello_server_name(const uint8_t *data, size_t size, struct slice *name);
