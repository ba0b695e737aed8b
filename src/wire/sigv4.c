/* The canonical request and its signature. */
#include "wire/sigv4.h"

#include "wire/uri.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void append_slice(struct buf *out, struct slice slice)
{
    buf_append(out, slice.data, slice.size);
}

static void hex(const unsigned char *bytes, size_t size, char *out)
{
    for (size_t i = 0; i < size; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

static void hex_sha256(const void *data, size_t size, char out[65])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256(data, size, digest);
    hex(digest, sizeof(digest), out);
}

/* --- path --- */

/* Drops the last "/segment" that `out` has. */
static void drop_segment(struct buf *out)
{
    while (out->size > 0 && out->data[--out->size] != '/')
        ;
}

/* "/a//b/./../c" becomes "/a/c"; then everything is percent-coded once more. */
static void append_path(struct buf *out, struct slice path)
{
    auto_buf normal = {0};
    size_t at = 0;
    while (at < path.size) {
        const char *begin = path.data + at;
        const char *slash = memchr(begin, '/', path.size - at);
        size_t size = slash ? (size_t)(slash - begin) : path.size - at;
        if (size == 2 && memcmp(begin, "..", 2) == 0) {
            drop_segment(&normal);
        } else if (size > 0 && !(size == 1 && *begin == '.')) {
            buf_append_char(&normal, '/');
            buf_append(&normal, begin, size);
        }
        at += size + 1;
    }
    bool trailing_slash = path.size && path.data[path.size - 1] == '/';
    if (normal.size)
        uri_encode(out, normal.data, normal.size, true);
    if (trailing_slash || normal.size == 0)
        buf_append_char(out, '/');
    out->failed |= normal.failed;
}

/* --- query --- */

struct pair {
    char *name, *value; /* percent-coded the strict way */
};

static int compare_pairs(const void *left, const void *right)
{
    const struct pair *a = left, *b = right;
    int order = strcmp(a->name, b->name);
    return order ? order : strcmp(a->value, b->value);
}

/* Decodes and codes again, so that any spelling of the client's gives AWS's. */
static char *recode(const char *text, size_t size)
{
    auto_buf plain = {0};
    struct buf coded = {0};
    if (!uri_decode(&plain, text, size, true)) {
        buf_clear(&plain);
        buf_append(&plain, text, size);
    }
    uri_encode(&coded, plain.data, plain.size, false);
    if (plain.failed || coded.failed) {
        buf_reset(&coded);
        return NULL;
    }
    return buf_take(&coded);
}

static bool read_pair(const char *text, size_t size, struct pair *pair)
{
    const char *equals = memchr(text, '=', size);
    size_t name_size = equals ? (size_t)(equals - text) : size;
    pair->name = recode(text, name_size);
    pair->value = equals ? recode(equals + 1, size - name_size - 1) : strdup("");
    return pair->name && pair->value;
}

static size_t read_pairs(struct slice query, struct pair *pairs, bool *failed)
{
    size_t count = 0;
    for (size_t at = 0; at < query.size;) {
        const char *begin = query.data + at;
        const char *ampersand = memchr(begin, '&', query.size - at);
        size_t size = ampersand ? (size_t)(ampersand - begin) : query.size - at;
        if (size > 0)
            *failed |= !read_pair(begin, size, &pairs[count++]);
        at += size + 1;
    }
    return count;
}

static void append_query(struct buf *out, struct slice query, bool presigned)
{
    size_t room = 1;
    for (size_t i = 0; i < query.size; i++)
        room += query.data[i] == '&';
    struct pair *pairs = calloc(room, sizeof(*pairs));
    if (!pairs) {
        out->failed = true;
        return;
    }
    size_t count = read_pairs(query, pairs, &out->failed);
    if (!out->failed)
        qsort(pairs, count, sizeof(*pairs), compare_pairs);
    bool first = true;
    for (size_t i = 0; i < count; i++) {
        if (!out->failed && !(presigned && strcmp(pairs[i].name, "X-Amz-Signature") == 0)) {
            buf_printf(out, "%s%s=%s", first ? "" : "&", pairs[i].name, pairs[i].value);
            first = false;
        }
        free(pairs[i].name);
        free(pairs[i].value);
    }
    free(pairs);
}

/* --- headers --- */

static void append_collapsed(struct buf *out, struct slice value)
{
    bool space = false;
    for (size_t i = 0; i < value.size; i++) {
        bool is_space = value.data[i] == ' ' || value.data[i] == '\t';
        if (!is_space)
            buf_append_char(out, value.data[i]);
        else if (!space)
            buf_append_char(out, ' ');
        space = is_space;
    }
}

static void append_header(struct buf *out, const struct sigv4_request *request, const char *name,
                          size_t name_size)
{
    buf_append(out, name, name_size);
    buf_append_char(out, ':');
    bool first = true;
    for (int i = 0; i < request->header_count; i++) {
        const struct http1_header *header = &request->headers[i];
        if (header->name.size != name_size || strncasecmp(header->name.data, name, name_size) != 0)
            continue;
        if (!first)
            buf_append_char(out, ',');
        append_collapsed(out, header->value);
        first = false;
    }
    buf_append_char(out, '\n');
}

static void append_headers(struct buf *out, const struct sigv4_request *request,
                           const char *signed_headers)
{
    for (const char *name = signed_headers; *name;) {
        size_t size = strcspn(name, ";");
        append_header(out, request, name, size);
        name += size + (name[size] == ';');
    }
}

static bool is_signed(const struct sigv4_claim *claim, const char *wanted)
{
    for (const char *name = claim->signed_headers; *name;) {
        size_t size = strcspn(name, ";");
        if (size == strlen(wanted) && strncmp(name, wanted, size) == 0)
            return true;
        name += size + (name[size] == ';');
    }
    return false;
}

/* --- all of it --- */

void sigv4_canonical_request(const struct sigv4_request *request, const struct sigv4_claim *claim,
                             struct buf *out)
{
    char payload[65];
    hex_sha256(request->body.data, request->body.size, payload);
    append_slice(out, request->method);
    buf_append_char(out, '\n');
    append_path(out, request->path);
    buf_append_char(out, '\n');
    append_query(out, request->query, claim->presigned);
    buf_append_char(out, '\n');
    append_headers(out, request, claim->signed_headers);
    buf_append_char(out, '\n');
    buf_append_string(out, claim->signed_headers);
    buf_append_char(out, '\n');
    buf_append_string(out, payload);
}

static void hmac(const void *key, size_t key_size, const char *text, size_t size,
                 unsigned char out[SHA256_DIGEST_LENGTH])
{
    HMAC(EVP_sha256(), key, (int)key_size, (const unsigned char *)text, size, out, NULL);
}

static int signing_key(const struct sigv4_claim *claim, const char *secret,
                       unsigned char key[SHA256_DIGEST_LENGTH])
{
    auto_buf first = {0};
    buf_printf(&first, "AWS4%s", secret);
    if (first.failed)
        return -1;
    hmac(first.data, first.size, claim->date, strlen(claim->date), key);
    OPENSSL_cleanse(first.data, first.size);
    const char *const steps[] = {claim->region, claim->service, "aws4_request"};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        unsigned char next[SHA256_DIGEST_LENGTH];
        hmac(key, SHA256_DIGEST_LENGTH, steps[i], strlen(steps[i]), next);
        memcpy(key, next, sizeof(next));
    }
    return 0;
}

int sigv4_sign(const struct sigv4_request *request, const struct sigv4_claim *claim,
               const char *secret, char out[65])
{
    auto_buf canonical = {0}, to_sign = {0};
    sigv4_canonical_request(request, claim, &canonical);
    if (canonical.failed)
        return -1;
    char digest[65];
    hex_sha256(canonical.data, canonical.size, digest);
    buf_printf(&to_sign, "AWS4-HMAC-SHA256\n%s\n%s/%s/%s/aws4_request\n%s", claim->timestamp,
               claim->date, claim->region, claim->service, digest);
    unsigned char key[SHA256_DIGEST_LENGTH], signature[SHA256_DIGEST_LENGTH];
    if (to_sign.failed || signing_key(claim, secret, key) < 0)
        return -1;
    hmac(key, sizeof(key), to_sign.data, to_sign.size, signature);
    hex(signature, sizeof(signature), out);
    return 0;
}

/* A payload hash in the request must be a hash, and the body's. */
static bool payload_hash_is_right(const struct sigv4_request *request)
{
    static const char name[] = "x-amz-content-sha256";
    char payload[65];
    hex_sha256(request->body.data, request->body.size, payload);
    for (int i = 0; i < request->header_count; i++) {
        const struct http1_header *header = &request->headers[i];
        if (header->name.size == strlen(name) &&
            strncasecmp(header->name.data, name, strlen(name)) == 0 &&
            (header->value.size != 64 || strncasecmp(header->value.data, payload, 64) != 0))
            return false;
    }
    return true;
}

bool sigv4_verify(const struct sigv4_request *request, const struct sigv4_claim *claim,
                  const char *secret)
{
    char expected[65];
    if (!is_signed(claim, "host") || (!claim->presigned && !is_signed(claim, "x-amz-date")))
        return false;
    if (!payload_hash_is_right(request) || sigv4_sign(request, claim, secret, expected) < 0)
        return false;
    return strlen(claim->signature) == 64 && CRYPTO_memcmp(expected, claim->signature, 64) == 0;
}
