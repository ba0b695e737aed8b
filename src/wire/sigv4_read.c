/* Reading what a request says about its signature, from the Authorization header or the query. */
#include "wire/query.h"
#include "wire/sigv4.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

static const char algorithm[] = "AWS4-HMAC-SHA256";
enum { EXPIRES_MAX_S = 7 * 24 * 3600 };

static struct slice header_value(const struct sigv4_request *request, const char *name)
{
    size_t name_size = strlen(name);
    for (int i = 0; i < request->header_count; i++) {
        const struct http1_header *header = &request->headers[i];
        if (header->name.size == name_size && strncasecmp(header->name.data, name, name_size) == 0)
            return header->value;
    }
    return (struct slice){0};
}

/* Copies into a field of the claim. False if it does not fit or is empty. */
static bool copy_field(char *field, size_t field_size, struct slice value)
{
    if (value.size == 0 || value.size >= field_size || memchr(value.data, 0, value.size))
        return false;
    memcpy(field, value.data, value.size);
    field[value.size] = 0;
    return true;
}

/* Takes what is before `separator` off the front of *rest (all of it if there is none). */
static struct slice take_until(struct slice *rest, char separator)
{
    const char *end = rest->size ? memchr(rest->data, separator, rest->size) : NULL;
    struct slice taken = {rest->data, end ? (size_t)(end - rest->data) : rest->size};
    size_t used = taken.size + (end ? 1 : 0);
    rest->data += used;
    rest->size -= used;
    return taken;
}

static bool slice_is(struct slice slice, const char *text)
{
    return slice.size == strlen(text) && memcmp(slice.data, text, slice.size) == 0;
}

/* "AKID/20260102/us-east-1/ec2/aws4_request" */
static int read_credential(struct slice credential, struct sigv4_claim *claim, struct err *err)
{
    bool valid =
        copy_field(claim->access_key, sizeof(claim->access_key), take_until(&credential, '/')) &&
        copy_field(claim->date, sizeof(claim->date), take_until(&credential, '/')) &&
        copy_field(claim->region, sizeof(claim->region), take_until(&credential, '/')) &&
        copy_field(claim->service, sizeof(claim->service), take_until(&credential, '/')) &&
        slice_is(credential, "aws4_request");
    if (!valid)
        return err_set(err, "Credential must have exactly 5 slash-delimited elements, e.g. "
                            "keyid/date/region/service/term.");
    return 0;
}

/* The timestamp "20260102T030405Z" as seconds since the epoch; it must be of the scope's day. */
static int read_timestamp(struct slice text, struct sigv4_claim *claim, struct err *err)
{
    struct tm tm = {0};
    if (copy_field(claim->timestamp, sizeof(claim->timestamp), text)) {
        const char *end = strptime(claim->timestamp, "%Y%m%dT%H%M%SZ", &tm);
        if (text.size == 16 && end && *end == 0 && strncmp(claim->timestamp, claim->date, 8) == 0) {
            claim->time_s = timegm(&tm);
            return 0;
        }
    }
    return err_set(err, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of "
                        "date from HTTP.");
}

static bool take_parameter(struct slice parameter, struct slice *credential,
                           struct sigv4_claim *claim)
{
    struct slice value = parameter;
    struct slice name = take_until(&value, '=');
    if (slice_is(name, "Credential"))
        *credential = value;
    else if (slice_is(name, "SignedHeaders"))
        return copy_field(claim->signed_headers, sizeof(claim->signed_headers), value);
    else if (slice_is(name, "Signature"))
        return copy_field(claim->signature, sizeof(claim->signature), value);
    return true;
}

/* "Credential=..., SignedHeaders=..., Signature=..." with or without spaces */
static int read_authorization(struct slice rest, struct slice *credential,
                              struct sigv4_claim *claim, struct err *err)
{
    while (rest.size > 0) {
        struct slice parameter = take_until(&rest, ',');
        while (parameter.size && *parameter.data == ' ')
            parameter.data++, parameter.size--;
        if (!take_parameter(parameter, credential, claim))
            return err_set(err, "Authorization header has an invalid parameter.");
    }
    const char *missing = !credential->size           ? "Credential"
                          : !claim->signature[0]      ? "Signature"
                          : !claim->signed_headers[0] ? "SignedHeaders"
                                                      : NULL;
    if (missing)
        return err_set(err, "Authorization header requires '%s' parameter.", missing);
    return 0;
}

static int read_header_form(const struct sigv4_request *request, struct slice authorization,
                            struct sigv4_claim *claim, struct err *err)
{
    struct slice credential = {0};
    take_until(&authorization, ' ');
    if (read_authorization(authorization, &credential, claim, err) < 0 ||
        read_credential(credential, claim, err) < 0)
        return -1;
    struct slice date = header_value(request, "x-amz-date");
    if (!date.size)
        return err_set(err, "Authorization header requires existence of either a 'X-Amz-Date' or a "
                            "'Date' header.");
    if (read_timestamp(date, claim, err) < 0)
        return -1;
    struct slice token = header_value(request, "x-amz-security-token");
    if (token.size && !copy_field(claim->token, sizeof(claim->token), token))
        return err_set(err, "The security token included in the request is invalid.");
    return 1;
}

static struct slice slice_of(const char *text)
{
    return (struct slice){text ? text : "", text ? strlen(text) : 0};
}

static int read_query_form(const struct query *query, struct sigv4_claim *claim, struct err *err)
{
    claim->presigned = true;
    struct slice credential = slice_of(query_get(query, "X-Amz-Credential"));
    const char *expires = query_get(query, "X-Amz-Expires"), *token = NULL;
    if (!copy_field(claim->signature, sizeof(claim->signature),
                    slice_of(query_get(query, "X-Amz-Signature"))) ||
        !copy_field(claim->signed_headers, sizeof(claim->signed_headers),
                    slice_of(query_get(query, "X-Amz-SignedHeaders"))))
        return err_set(err, "AWS query-string parameters must include 'X-Amz-Algorithm', "
                            "'X-Amz-Credential', 'X-Amz-Signature', 'X-Amz-SignedHeaders' and "
                            "'X-Amz-Date'.");
    if (read_credential(credential, claim, err) < 0 ||
        read_timestamp(slice_of(query_get(query, "X-Amz-Date")), claim, err) < 0)
        return -1;
    char *end = NULL;
    claim->expires_s = expires ? strtol(expires, &end, 10) : 900;
    if ((expires && (end == expires || *end)) || claim->expires_s < 0 ||
        claim->expires_s > EXPIRES_MAX_S)
        return err_set(err, "X-Amz-Expires must be a number of seconds not greater than 604800.");
    token = query_get(query, "X-Amz-Security-Token");
    if (token && !copy_field(claim->token, sizeof(claim->token), slice_of(token)))
        return err_set(err, "The security token included in the request is invalid.");
    return 1;
}

int sigv4_read(const struct sigv4_request *request, struct sigv4_claim *claim, struct err *err)
{
    *claim = (struct sigv4_claim){0};
    struct slice authorization = header_value(request, "authorization");
    size_t algorithm_size = strlen(algorithm);
    if (authorization.size) {
        if (authorization.size > algorithm_size && authorization.data[algorithm_size] == ' ' &&
            memcmp(authorization.data, algorithm, algorithm_size) == 0)
            return read_header_form(request, authorization, claim, err);
        return err_set(err, "Unsupported Authorization type: only AWS4-HMAC-SHA256 is supported.");
    }
    auto_query query = {0};
    if (query_parse(&query, request->query.data, request->query.size) < 0)
        return err_set(err, "The query string is malformed.");
    const char *name = query_get(&query, "X-Amz-Algorithm");
    if (!name)
        return 0;
    if (strcmp(name, algorithm) != 0)
        return err_set(err, "X-Amz-Algorithm must be AWS4-HMAC-SHA256.");
    return read_query_form(&query, claim, err);
}
