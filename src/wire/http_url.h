/* URLs of HTTP servers: "https://www.example.com:8443/path?query". Pure. */
#pragma once

#include "wire/http1.h"

enum { HTTP_URL_SIZE_MAX = 2048, HTTP_HOST_SIZE = 254 /* with NUL */ };

struct http_url {
    bool tls;
    char host[HTTP_HOST_SIZE]; /* in lower case: a name or an IPv4 address */
    uint16_t port;
    struct slice authority; /* host and port as they were written */
    struct slice target;    /* path and query; empty: "/" */
};

/*
 * Reads a URL without user and fragment, into slices of it. False if it is none, or anything in it
 * could not stand in a request.
 */
bool http_url_parse(struct slice text, struct http_url *url);
