/* RequestCertificate: the local authority issues at once; nobody's ownership of a name is checked.
 */
#include "service/accept.h"
#include "service/acm/certificates.h"
#include "service/acm/issue.h"
#include "service/acm/operations.h"
#include "service/acm/tags.h"
#include "service/doc.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    NAMES_MAX = 10, /* AWS's initial quota */
    FIRST_NAME_SIZE_MAX = 64,
    TOKEN_MS = 3600 * 1000,
    HEX_SIZE = 33,
};

/* ---- names ---- */

static int add_name(json_t *names, const char *text, struct err *err)
{
    char name[CERTIFICATE_NAME_SIZE_MAX + 1];
    snprintf(name, sizeof name, "%s", text);
    for (char *c = name; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    if (doc_list_has(names, name))
        return 0;
    if (json_array_size(names) == NAMES_MAX)
        return err_aws(err, "LimitExceededException", "Certificate has too many domains.");
    return json_array_append_new(names, json_string(name));
}

/* All names of the request, each once: a new array. The model has checked their form. */
static json_t *asked_names(const struct call *call, struct err *err)
{
    const char *domain = doc_text(call->in, "DomainName");
    json_auto_t *names = json_array();
    if (strlen(domain) > FIRST_NAME_SIZE_MAX) {
        err_aws(err, "InvalidParameterException",
                "The first domain name can be no longer than %d characters.", FIRST_NAME_SIZE_MAX);
        return NULL;
    }
    if (add_name(names, domain, err) < 0)
        return NULL;
    size_t i;
    const json_t *name;
    json_array_foreach (json_object_get(call->in, "SubjectAlternativeNames"), i, name)
        if (add_name(names, json_string_value(name), err) < 0)
            return NULL;
    return json_incref(names);
}

/* ---- validation: what AWS would have looked at, as it shows it ---- */

/* 32 hex digits that depend on `what`, an account and a name. */
static void hash_hex(const struct call *call, const char *what, const char *name,
                     char out[HEX_SIZE])
{
    char text[512];
    unsigned char digest[EVP_MAX_MD_SIZE];
    int size = snprintf(text, sizeof text, "%s/%s/%s", what, call->account, name);
    EVP_Digest(text, (size_t)size, digest, NULL, EVP_sha256(), NULL);
    for (int i = 0; i < HEX_SIZE / 2; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

/* The record that proves a name; a wildcard is proved by its domain. */
static json_t *dns_record(const struct call *call, const char *name)
{
    char owner[HEX_SIZE], value[HEX_SIZE], zone[HEX_SIZE];
    const char *domain = !strncmp(name, "*.", 2) ? name + 2 : name;
    hash_hex(call, "name", domain, owner);
    hash_hex(call, "value", domain, value);
    hash_hex(call, "zone", domain, zone);
    for (char *c = zone; *c; c++)
        *c = (char)('a' + *c % 26);
    return json_pack("{s:o, s:s, s:o}", "Name", json_sprintf("_%s.%s.", owner, domain), "Type",
                     "CNAME", "Value", json_sprintf("_%s.%.10s.acm-validations.aws.", value, zone));
}

static bool is_domain_of(const char *domain, const char *name)
{
    size_t domain_size = strlen(domain), size = strlen(name);
    return size >= domain_size && !strcasecmp(name + size - domain_size, domain) &&
           (size == domain_size || name[size - domain_size - 1] == '.');
}

/* The domain whose owner would be asked for a name: the name itself if the request says nothing. */
static const char *validation_domain(const struct call *call, const char *name)
{
    size_t i;
    const json_t *option;
    json_array_foreach (json_object_get(call->in, "DomainValidationOptions"), i, option)
        if (!strcasecmp(doc_text(option, "DomainName"), name))
            return doc_text(option, "ValidationDomain");
    return !strncmp(name, "*.", 2) ? name + 2 : name;
}

static int check_validation_options(const struct call *call, const json_t *names, struct err *err)
{
    size_t i, j;
    const json_t *option, *name;
    json_array_foreach (json_object_get(call->in, "DomainValidationOptions"), i, option) {
        const char *domain = doc_text(option, "DomainName");
        bool known = false;
        json_array_foreach (names, j, name)
            known |= !strcasecmp(json_string_value(name), domain);
        if (!known || !is_domain_of(doc_text(option, "ValidationDomain"), domain))
            return err_aws(err, "InvalidDomainValidationOptionsException",
                           "The validation domain '%.253s' is not valid for the domain '%.253s'.",
                           doc_text(option, "ValidationDomain"), domain);
    }
    return 0;
}

static json_t *validations(const struct call *call, const json_t *names, const char *method)
{
    json_t *shown = json_array();
    size_t i;
    const json_t *name;
    json_array_foreach (names, i, name) {
        const char *text = json_string_value(name);
        json_t *validation = json_pack("{s:s, s:s, s:s, s:s}", "DomainName", text,
                                       "ValidationDomain", validation_domain(call, text),
                                       "ValidationStatus", "SUCCESS", "ValidationMethod", method);
        if (!strcmp(method, "DNS"))
            json_object_set_new(validation, "ResourceRecord", dns_record(call, text));
        else
            json_object_set_new(validation, "ValidationEmails", json_array());
        json_array_append_new(shown, validation);
    }
    return shown;
}

/* ---- the request ---- */

/* The certificate that the same request with the same token made within an hour; NULL if none. */
static const json_t *find_earlier(const struct call *call, const json_t *names,
                                  const char *algorithm)
{
    const char *token = doc_text(call->in, "IdempotencyToken");
    if (!*token)
        return NULL;
    store_each (cursor, call->store, acm_certificate_kind, call->region)
        if (doc_is(cursor.doc, "_token", token) &&
            doc_number(cursor.doc, "_token_ms") + TOKEN_MS > call->now_ms &&
            doc_is(cursor.doc, "KeyAlgorithm", algorithm) &&
            json_equal(json_object_get(cursor.doc, "SubjectAlternativeNames"), names))
            return cursor.doc;
    return NULL;
}

static int check_request(const struct call *call, const char *algorithm, const char *method,
                         struct err *err)
{
    const json_t *options = json_object_get(call->in, "Options");
    if (call_accept(call->in,
                    "DomainName ValidationMethod SubjectAlternativeNames IdempotencyToken "
                    "DomainValidationOptions Options Tags KeyAlgorithm",
                    err) < 0 ||
        call_accept(options, "CertificateTransparencyLoggingPreference Export=DISABLED", err) < 0)
        return -1;
    if (strcmp(algorithm, "RSA_2048") != 0 && strcmp(algorithm, "EC_prime256v1") != 0 &&
        strcmp(algorithm, "EC_secp384r1") != 0)
        return err_aws(err, "InvalidParameterException",
                       "The key algorithm %s is for imported certificates only.", algorithm);
    if (!strcmp(method, "HTTP"))
        return err_aws(err, "InvalidParameterException",
                       "HTTP validation is for certificates of CloudFront only.");
    return 0;
}

static const char *or_default(const char *text, const char *missing)
{
    return *text ? text : missing;
}

/* A new document without its certificate; takes over `tags`. */
static json_t *new_document(const struct call *call, json_t *names, const char *algorithm,
                            const char *method, json_t *tags)
{
    const json_t *options = json_object_get(call->in, "Options");
    json_t *doc = json_pack(
        "{s:O, s:O, s:s, s:s, s:s, s:s, s:{s:s, s:s}, s:o, s:o, s:o}", "DomainName",
        json_array_get(names, 0), "SubjectAlternativeNames", names, "KeyAlgorithm", algorithm,
        "Type", "AMAZON_ISSUED", "Status", "ISSUED", "CertificateKeyPairOrigin", "AWS_MANAGED",
        "Options", "CertificateTransparencyLoggingPreference",
        or_default(doc_text(options, "CertificateTransparencyLoggingPreference"), "ENABLED"),
        "Export", "DISABLED", "CreatedAt", call_now(call), "DomainValidationOptions",
        validations(call, names, method), "_tags", tags);
    const char *token = doc_text(call->in, "IdempotencyToken");
    if (*token) {
        json_object_set_new(doc, "_token", json_string(token));
        json_object_set_new(doc, "_token_ms", json_integer(call->now_ms));
    }
    return doc;
}

static int output_arn(struct call *call, const char *arn)
{
    return json_object_set_new(call->out, "CertificateArn", json_string(arn));
}

int acm_RequestCertificate(struct call *call, struct err *err)
{
    const char *algorithm = or_default(doc_text(call->in, "KeyAlgorithm"), "RSA_2048");
    const char *method = or_default(doc_text(call->in, "ValidationMethod"), "EMAIL");
    if (check_request(call, algorithm, method, err) < 0)
        return -1;
    json_auto_t *names = asked_names(call, err);
    if (!names || check_validation_options(call, names, err) < 0)
        return -1;
    const json_t *earlier = find_earlier(call, names, algorithm);
    if (earlier)
        return output_arn(call, doc_text(earlier, "CertificateArn"));
    json_t *tags = acm_tags_on_creation(call, err);
    if (!tags)
        return -1;
    json_auto_t *doc = new_document(call, names, algorithm, method, tags);
    if (acm_issue(call, doc, err) < 0)
        return -1;
    const char *arn = acm_add(call, json_incref(doc), err);
    return arn ? output_arn(call, arn) : -1;
}
