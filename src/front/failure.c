/* Errors of the protocols themselves: each protocol has its own code for the same thing. */
#include "front/exchange.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct coded {
    const char *code;
    int status;
};

static const struct {
    struct coded ec2, query, json; /* CBOR's are JSON's */
    const char *text;              /* "" where the caller has one */
} failures[] = {
    [FRONT_UNSIGNED] = {{"MissingAuthenticationToken", 403},
                        {"MissingAuthenticationToken", 403},
                        {"MissingAuthenticationTokenException", 400},
                        "Request is missing Authentication Token"},
    [FRONT_INCOMPLETE_SIGNATURE] = {{"IncompleteSignature", 400},
                                    {"IncompleteSignature", 400},
                                    {"IncompleteSignatureException", 400},
                                    ""},
    [FRONT_UNKNOWN_KEY] = {{"AuthFailure", 401},
                           {"InvalidClientTokenId", 403},
                           {"UnrecognizedClientException", 400},
                           "The security token included in the request is invalid."},
    [FRONT_WRONG_SIGNATURE] =
        {{"AuthFailure", 401},
         {"SignatureDoesNotMatch", 403},
         {"InvalidSignatureException", 400},
         "The request signature we calculated does not match the signature you provided. Check "
         "your AWS Secret Access Key and signing method. Consult the service documentation for "
         "details."},
    [FRONT_EXPIRED] = {{"RequestExpired", 400},
                       {"SignatureDoesNotMatch", 403},
                       {"InvalidSignatureException", 400},
                       "Request has expired."},
    [FRONT_EXPIRED_TOKEN] = {{"RequestExpired", 400},
                             {"ExpiredToken", 403},
                             {"ExpiredTokenException", 400},
                             "The security token included in the request is expired"},
    [FRONT_INVALID_ACTION] = {{"InvalidAction", 400},
                              {"InvalidAction", 400},
                              {"UnknownOperationException", 400},
                              ""},
    [FRONT_NOT_SUPPORTED] = {{"UnsupportedOperation", 400},
                             {"NotImplemented", 501},
                             {"NotImplemented", 501},
                             ""},
    [FRONT_TOO_LARGE] = {{"RequestEntityTooLarge", 413},
                         {"RequestEntityTooLarge", 413},
                         {"RequestEntityTooLargeException", 413},
                         "The request is larger than 2097152 bytes."},
    [FRONT_MALFORMED] = {{"MalformedQueryString", 400},
                         {"MalformedQueryString", 400},
                         {"SerializationException", 400},
                         ""},
    [FRONT_TIMED_OUT] = {{"RequestTimeout", 408},
                         {"RequestTimeout", 408},
                         {"RequestTimeoutException", 408},
                         "The request did not arrive within the time that is allowed."},
    [FRONT_INVALID_REGION] = {{"InvalidRegion", 400},
                              {"InvalidRegion", 400},
                              {"InvalidRegionException", 400},
                              ""},
};

/* EC2 does not say what was wrong with a key or a signature, nor what has expired. */
static const char *ec2_text(enum front_failure failure)
{
    switch (failure) {
    case FRONT_UNKNOWN_KEY:
    case FRONT_WRONG_SIGNATURE:
        return "AWS was not able to validate the provided access credentials";
    case FRONT_EXPIRED_TOKEN:
        return failures[FRONT_EXPIRED].text;
    default:
        return NULL;
    }
}

int front_fail(const struct front_call *call, enum front_failure failure, struct err *err,
               const char *format, ...)
{
    bool ec2 = call->protocol == MODEL_EC2;
    const struct coded *coded = ec2                             ? &failures[failure].ec2
                                : call->protocol == MODEL_QUERY ? &failures[failure].query
                                                                : &failures[failure].json;
    char text[ERR_TEXT_SIZE];
    const char *fixed = ec2 ? ec2_text(failure) : NULL;
    if (fixed) {
        snprintf(text, sizeof(text), "%s", fixed);
    } else if (format) {
        va_list args;
        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
    } else {
        snprintf(text, sizeof(text), "%s", failures[failure].text);
    }
    err_aws(err, coded->code, "%s", text);
    err->http_status = coded->status;
    return -1;
}
