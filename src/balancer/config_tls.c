#include "balancer/config_tls.h"

#include "balancer/config_reader.h"

enum { PEM_SIZE_MAX = 2097152 }; /* as ACM allows for a chain */

static int load_policy(const json_t *json, const struct tls_policy **policy, struct err *err)
{
    const char *name;
    if (reader_text(json, "SslPolicy", 128, &name, err) < 0)
        return -1;
    if (!name)
        name = TLS_POLICY_DEFAULT;
    *policy = tls_policy_find(name);
    if (*policy)
        return 0;
    const char *missing = tls_policy_missing(name);
    return missing
               ? err_set(err, "the SSL policy '%s' needs %s, which is not supported", name, missing)
               : err_set(err, "SSL policy '%s' not found", name);
}

static struct tls_certificate *load_certificate(struct snapshot *snapshot, const json_t *json,
                                                struct err *err)
{
    static const char *const members[] = {"Certificate", "PrivateKey", "CertificateChain",
                                          "CertificateArn", NULL};
    struct tls_pem pem;
    if (reader_check(json, "a certificate", members, err) < 0 ||
        reader_required_text(json, "Certificate", PEM_SIZE_MAX, &pem.certificate, err) < 0 ||
        reader_required_text(json, "PrivateKey", PEM_SIZE_MAX, &pem.key, err) < 0 ||
        reader_text(json, "CertificateChain", PEM_SIZE_MAX, &pem.chain, err) < 0 ||
        reader_text(json, "CertificateArn", 256, &pem.arn, err) < 0)
        return NULL;
    if (pem.chain && !*pem.chain)
        pem.chain = NULL;
    return tls_store_certificate(snapshot->tls, &pem, err);
}

int tls_load_listener(struct snapshot *snapshot, const json_t *json, struct listener *listener,
                      struct err *err)
{
    const json_t *array = json_object_get(json, "Certificates");
    struct tls_certificate *certificates[TLS_CERTIFICATES_MAX];
    const struct tls_policy *policy;
    size_t count = json_array_size(array), got = 0;
    if (load_policy(json, &policy, err) < 0)
        return -1;
    if (!count)
        return err_set(err, "A certificate must be specified for HTTPS listeners");
    if (count > TLS_CERTIFICATES_MAX)
        return err_set(err, "Certificates must be an array of at most %d", TLS_CERTIFICATES_MAX);
    while (got < count &&
           (certificates[got] = load_certificate(snapshot, json_array_get(array, got), err)))
        got++;
    if (got == count)
        listener->tls = tls_store_server(snapshot->tls, policy, certificates, (int)count,
                                         listener->load_balancer->attributes.http2);
    for (size_t i = 0; i < got; i++) /* the server holds them now */
        tls_store_release_certificate(snapshot->tls, certificates[i]);
    return got == count ? 0 : err_wrap(err, "Certificates[%zu]", got);
}

int tls_refuse_listener(const json_t *json, struct err *err)
{
    if (json_array_size(json_object_get(json, "Certificates")) ||
        json_object_get(json, "SslPolicy"))
        return err_set(err, "Certificates and SslPolicy are only for HTTPS listeners");
    return 0;
}

/* One policy for all listeners: that with TLS 1.3 if any of them has it. */
void tls_load_group(struct target_group *group)
{
    const struct tls_policy *policy = tls_policy_find(TLS_POLICY_DEFAULT);
    for (int i = 0; group->user && i < group->user->listener_count; i++) {
        const struct tls_server *server = group->user->listeners[i].tls;
        if (server && tls_server_policy(server)->newest == 3)
            policy = tls_policy_for_targets(tls_server_policy(server));
    }
    group->tls = group->https ? policy : NULL;
    group->health.tls = group->health.https ? policy : NULL;
}
