/*
 * AWS Signature Version 4: what a request says about its signature, and what the signature must
 * be. Pure: the caller knows secrets and the time.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "wire/http1.h"

#include <stdbool.h>
#include <stdint.h>

struct sigv4_request {
    struct slice method;
    struct slice path;  /* as sent, before any '?' */
    struct slice query; /* as sent, after it; may be empty */
    const struct http1_header *headers;
    int header_count;
    struct slice body; /* as sent */
};

/* What the request claims. Nothing of it is true until sigv4_verify() says so. */
struct sigv4_claim {
    bool presigned; /* in the query string, not in a header */
    char access_key[129];
    char date[9], region[65], service[65]; /* the scope */
    char timestamp[17];                    /* 20260102T030405Z */
    int64_t time_s;                        /* the same, seconds since the epoch */
    int64_t expires_s;                     /* of a presigned request: how long it is valid */
    char token[4097];                      /* session token, or "" */
    char signature[65];
    char signed_headers[1025]; /* "host;x-amz-date" */
};

/*
 * Reads the claim. Returns 1 if there is one, 0 if the request is not signed, or -1 (err has a
 * text that may be shown to the client) if it is incomplete or malformed.
 */
int sigv4_read(const struct sigv4_request *request, struct sigv4_claim *claim, struct err *err);
/* The canonical request, as AWS documents it. Sticky failure in `out`. */
void sigv4_canonical_request(const struct sigv4_request *request, const struct sigv4_claim *claim,
                             struct buf *out);
/* The signature that `secret` gives, 64 hex digits and a NUL. Returns 0, or -1 if memory ran out.
 */
int sigv4_sign(const struct sigv4_request *request, const struct sigv4_claim *claim,
               const char *secret, char out[65]);
/*
 * Whether the claim's signature is right, the host (and in header form the date) is signed, and a
 * payload hash that the client sent is the body's. Constant time in the secret.
 */
bool sigv4_verify(const struct sigv4_request *request, const struct sigv4_claim *claim,
                  const char *secret);
