#include "service/call.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* Regions, in which `prepare_region` has run, are remembered by documents of this kind. */
static const char region_kind[] = "region";

const struct service *const services[] = {
    &ec2_service,        &sts_service, &autoscaling_service, &ssm_service, &elbv2_service,
    &cloudwatch_service, &acm_service, &sns_service,         NULL,
};

static const struct service *find_service(const char *name)
{
    for (const struct service *const *service = services; *service; service++)
        if (!strcmp((*service)->name, name))
            return *service;
    return NULL;
}

const struct service_operation *service_find(const char *service, const char *operation)
{
    const struct service *found = find_service(service);
    if (!found)
        return NULL;
    for (const struct service_operation *row = found->operations; row->name; row++)
        if (!strcmp(row->name, operation))
            return row;
    return NULL;
}

int service_call(const struct call *context, const char *service, const char *operation, json_t *in,
                 json_t **ret_out, struct err *err)
{
    json_auto_t *taken_in = in;
    json_auto_t *out = json_object();
    const struct service_operation *row = service_find(service, operation);
    if (!row)
        return err_set(err, "there is no operation %s of %s", operation, service);
    struct call call = *context;
    call.in = taken_in;
    call.out = out;
    if (row->handler(&call, err) < 0)
        return -1;
    if (ret_out)
        *ret_out = json_incref(out);
    return 0;
}

static bool is_prepared(const json_t *prepared, const char *service)
{
    size_t i;
    const json_t *name;
    json_array_foreach (prepared, i, name)
        if (!strcmp(json_string_value(name), service))
            return true;
    return false;
}

int service_prepare_region(struct call *call, struct err *err)
{
    const json_t *region = store_get(call->store, region_kind, call->region, call->region);
    json_auto_t *prepared = json_deep_copy(json_object_get(region, "prepared"));
    if (!prepared)
        prepared = json_array();
    bool changed = false;
    for (const struct service *const *service = services; *service; service++) {
        if (!(*service)->prepare_region || is_prepared(prepared, (*service)->name))
            continue;
        if ((*service)->prepare_region(call, err) < 0)
            return err_wrap(err, "cannot prepare region %s", call->region);
        json_array_append_new(prepared, json_string((*service)->name));
        changed = true;
    }
    if (changed)
        txn_put(call->txn, region_kind, call->region, call->region,
                json_pack("{s:O}", "prepared", prepared));
    return 0;
}

static void random_bytes_of(const struct call *call, unsigned char *bytes, size_t size)
{
    call->world->random(call->world->arg, bytes, size);
}

static void write_hex(char *out, const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

void call_make_id(const struct call *call, const char *prefix, char out[32])
{
    unsigned char bytes[8];
    assert(strlen(prefix) <= 13);
    random_bytes_of(call, bytes, sizeof bytes);
    int used = snprintf(out, 16, "%s-0", prefix);
    write_hex(out + used, bytes, sizeof bytes);
}

void call_make_hex16(const struct call *call, char out[17])
{
    unsigned char bytes[8];
    random_bytes_of(call, bytes, sizeof bytes);
    write_hex(out, bytes, sizeof bytes);
}

void call_make_uuid(const struct call *call, char out[37])
{
    unsigned char bytes[16];
    char hex[33];
    random_bytes_of(call, bytes, sizeof bytes);
    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
    write_hex(hex, bytes, sizeof bytes);
    snprintf(out, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

json_t *call_now(const struct call *call)
{
    return json_real((double)call->now_ms / 1000.0);
}
