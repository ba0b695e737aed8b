#include "front/certificates.h"

#include "base/cleanup.h"
#include "base/map.h"
#include "model/model.h"
#include "os/clock.h"
#include "os/log.h"
#include "service/acm/authority.h"
#include "service/doc.h"
#include "service/ec2/zones.h"
#include "wire/certificate.h"
#include "wire/service_name.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

enum {
    VALIDITY_DAYS = 198,
    NAME_SIZE = 256,
    REGION_SIZE = 32,
};

static const int64_t renewal_ms = (int64_t)VALIDITY_DAYS / 2 * 86400 * 1000;
static const char default_region[] = "us-east-1";

/* The names of one region; those of no region belong to the default one. */
struct region {
    struct tls_server *server;
    int64_t made_ms; /* real time */
};

struct front_certificates {
    struct front_certificates_options options;
    struct tls_store store;
    struct tls_thread *thread;
    struct map regions; /* name to struct region: as many as AWS has, never more */
};

struct front_certificates *
front_certificates_create(const struct front_certificates_options *options, struct err *err)
{
    struct front_certificates *certificates = calloc(1, sizeof *certificates);
    if (!certificates) {
        err_set(err, "out of memory");
        return NULL;
    }
    certificates->options = *options;
    tls_store_init(&certificates->store, 1);
    certificates->thread = tls_thread_create(&certificates->store, 0, NULL, err);
    if (certificates->thread)
        return certificates;
    front_certificates_destroy(certificates);
    return NULL;
}

void front_certificates_destroy(struct front_certificates *certificates)
{
    if (!certificates)
        return;
    tls_thread_destroy(certificates->thread);
    map_each (entry, &certificates->regions) {
        struct region *region = entry->value;
        tls_store_release_server(&certificates->store, region->server);
        free(region);
    }
    map_finish(&certificates->regions);
    tls_store_finish(&certificates->store);
    free(certificates);
}

struct tls_thread *front_certificates_thread(const struct front_certificates *certificates)
{
    return certificates->thread;
}

/* ---- what a region's certificate is for ---- */

struct names {
    char text[CERTIFICATE_NAMES_MAX][NAME_SIZE];
    const char *all[CERTIFICATE_NAMES_MAX];
    size_t count;
};

/* "*.SERVICE.REGION" and the domain; the first two may be "". */
static void add_name(struct names *names, const char *service, const char *region,
                     const char *domain)
{
    if (names->count == CERTIFICATE_NAMES_MAX)
        return;
    char *text = names->text[names->count];
    snprintf(text, NAME_SIZE, "*%s%s%s%s%s", *service ? "." : "", service, *region ? "." : "",
             region, domain);
    names->all[names->count++] = text;
}

/* A wildcard stands for one label, so that what lies below a service has one of its own. */
static void list_names(struct names *names, const char *region)
{
    bool is_china = strncmp(region, "cn-", 3) == 0;
    const char *domain = is_china ? ".amazonaws.com.cn" : ".amazonaws.com";
    const char *endpoints = is_china ? ".vpce.amazonaws.com.cn" : ".vpce.amazonaws.com";
    names->count = 0;
    add_name(names, "", region, domain);
    add_name(names, "", region, ".api.aws");
    if (strcmp(region, default_region) == 0)
        add_name(names, "", "", domain);
    for (size_t i = 0; model_services[i]; i++) {
        add_name(names, model_services[i]->signing_name, region, domain);
        add_name(names, model_services[i]->signing_name, region, endpoints);
    }
}

/* ---- making it ---- */

static struct tls_server *make_server(struct front_certificates *certificates,
                                      const json_t *authority, const char *key, const char *pem,
                                      struct err *err)
{
    const struct tls_policy *policy = tls_policy_find("ELBSecurityPolicy-TLS13-1-2-2021-06");
    const struct tls_pem pair = {
        .certificate = pem, .key = key, .chain = doc_text(authority, "_certificate")};
    struct tls_certificate *certificate = tls_store_certificate(&certificates->store, &pair, err);
    if (!certificate)
        return NULL;
    struct tls_server *server =
        tls_store_server(&certificates->store, policy, &certificate, 1, false);
    tls_store_release_certificate(&certificates->store, certificate); /* the server holds it now */
    return server;
}

static struct tls_server *issue(struct front_certificates *certificates, struct call *call,
                                const char *region, struct err *err)
{
    struct names names;
    struct acm_validity validity = acm_validity(call, VALIDITY_DAYS);
    list_names(&names, region);
    struct certificate_order order = {.names = names.all,
                                      .name_count = names.count,
                                      .not_before_s = validity.not_before_s,
                                      .not_after_s = validity.not_after_s};
    call->world->random(call->world->arg, order.serial, sizeof order.serial);
    const json_t *authority = acm_authority(call, err);
    auto_free char *key = authority ? certificate_new_key("EC_prime256v1", err) : NULL;
    auto_free char *pem =
        key ? certificate_issue(doc_text(authority, "_certificate"),
                                doc_text(authority, "_private_key"), key, &order, err)
            : NULL;
    struct tls_server *server = pem ? make_server(certificates, authority, key, pem, err) : NULL;
    if (key)
        OPENSSL_cleanse(key, strlen(key));
    return server;
}

/* In a transaction of its own, because the authority may be made with it. */
static struct tls_server *issue_and_commit(struct front_certificates *certificates,
                                           const char *region, struct err *err)
{
    const struct front_certificates_options *options = &certificates->options;
    auto_txn *txn = txn_begin(options->store);
    struct call call = {.world = options->world,
                        .txn = txn,
                        .store = options->store,
                        .account = options->account,
                        .region = region,
                        .now_ms = options->cloud_now_ms(options->arg)};
    struct tls_server *server = issue(certificates, &call, region, err);
    if (!server || !txn_dirty(txn))
        return server;
    int committed = txn_commit(txn, err);
    txn = NULL;
    if (committed == 0)
        return server;
    tls_store_release_server(&certificates->store, server);
    return NULL;
}

/* ---- finding it ---- */

static struct tls_server *server_of(struct front_certificates *certificates, const char *name)
{
    struct err err = {0};
    int64_t now_ms = clock_wall_ms();
    struct region *region = map_get(&certificates->regions, name);
    if (region && now_ms - region->made_ms < renewal_ms)
        return region->server;
    struct tls_server *server = issue_and_commit(certificates, name, &err);
    if (!server) {
        log_error("a certificate for the services in %s: %s", name, err.text);
        return region ? region->server : NULL;
    }
    if (region) {
        tls_store_release_server(&certificates->store, region->server);
    } else if (!(region = calloc(1, sizeof *region)) ||
               map_set(&certificates->regions, name, region) < 0) {
        free(region);
        tls_store_release_server(&certificates->store, server);
        return NULL;
    }
    *region = (struct region){server, now_ms};
    return server;
}

struct tls_server *front_certificates_find(struct front_certificates *certificates,
                                           struct slice name)
{
    char text[NAME_SIZE], region[REGION_SIZE];
    struct service_name parsed;
    if (!name.size)
        return server_of(certificates, default_region);
    if (name.size >= sizeof text)
        return NULL;
    for (size_t i = 0; i < name.size; i++)
        text[i] = (char)tolower((unsigned char)name.data[i]);
    if (!service_name_parse((struct slice){text, name.size}, &parsed) ||
        parsed.region.size >= sizeof region)
        return NULL;
    if (!parsed.region.size)
        return server_of(certificates, default_region);
    memcpy(region, parsed.region.data, parsed.region.size);
    region[parsed.region.size] = '\0';
    return ec2_region_exists(region) ? server_of(certificates, region) : NULL;
}
