#include "daemon/admin.h"

#include "daemon/admin_images.h"
#include "service/acm/authority.h"
#include "service/billing/cost.h"
#include "service/doc.h"
#include "service/ec2/reach.h"
#include "service/ec2/zones.h"

#include <string.h>

static const json_int_t ADVANCE_MS_MAX = (json_int_t)3650 * 86400 * 1000;

static void *not_found(struct err *err, const char *what)
{
    err_set(err, "%s", what);
    err->http_status = 404;
    return NULL;
}

static json_t *clock_json(const struct admin *admin)
{
    const struct cloud_clock *clock = admin->clock(admin->arg);
    return json_pack("{s:I, s:f}", "NowMs", (json_int_t)cloud_clock_now(clock), "Speed",
                     clock->speed);
}

static json_t *answer_clock(const struct admin *admin, const json_t *body, struct err *err)
{
    const json_t *advance = json_object_get(body, "AdvanceMs");
    if (body) {
        json_int_t delta_ms = json_integer_value(advance);
        if (!json_is_integer(advance) || delta_ms < 0 || delta_ms > ADVANCE_MS_MAX) {
            err_set(err, "AdvanceMs must be a number of milliseconds, at most ten years");
            return NULL;
        }
        struct cloud_clock clock = *admin->clock(admin->arg);
        cloud_clock_advance(&clock, delta_ms);
        admin->set_clock(admin->arg, &clock);
    }
    return clock_json(admin);
}

/* Counts documents of one kind over all regions. */
struct count {
    const struct store *store;
    const char *kind;
    size_t total;
};

static void add_region(void *arg, const char *region)
{
    struct count *count = arg;
    count->total += store_count(count->store, count->kind, region);
}

static json_t *answer_status(const struct admin *admin)
{
    static const char *const kinds[][2] = {{"instances", "instance"},
                                           {"load balancers", "load-balancer"},
                                           {"target groups", "target-group"},
                                           {"groups", "auto-scaling-group"},
                                           {"alarms", "alarm"},
                                           {"vpcs", "vpc"}};
    json_t *counts = json_object();
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct count count = {.store = admin->store, .kind = kinds[i][1]};
        store_regions(admin->store, count.kind, add_region, &count);
        json_object_set_new(counts, kinds[i][0], json_integer((json_int_t)count.total));
    }
    return json_pack("{s:o, s:o}", "Clock", clock_json(admin), "Counts", counts);
}

struct search {
    const struct store *store;
    const char *id;
    const json_t *found;
};

static void search_region(void *arg, const char *region)
{
    struct search *search = arg;
    const json_t *doc = store_get(search->store, "instance", region, search->id);
    if (doc)
        search->found = doc;
}

static json_t *answer_instance(const struct admin *admin, const char *id, struct err *err)
{
    static const char *const shown[] = {"InstanceId", "PrivateIpAddress", "PublicIpAddress",
                                        "KeyName"};
    struct search search = {.store = admin->store, .id = id};
    store_regions(admin->store, "instance", search_region, &search);
    if (!search.found)
        return not_found(err, "there is no such instance");
    json_t *answer = json_object();
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        json_t *value = json_object_get(search.found, shown[i]);
        if (value)
            json_object_set(answer, shown[i], value);
    }
    return answer;
}

/* The authority's certificate; the authority is made if nobody has needed it yet. */
static json_t *answer_authority(const struct admin *admin, struct err *err)
{
    auto_txn *txn = txn_begin(admin->store);
    struct call call = {.world = admin->world,
                        .txn = txn,
                        .store = admin->store,
                        .account = admin->account,
                        .now_ms = cloud_clock_now(admin->clock(admin->arg))};
    const json_t *authority = acm_authority(&call, err);
    if (!authority)
        return NULL;
    json_t *answer = json_pack("{s:s}", "Certificate", doc_text(authority, "_certificate"));
    if (!txn_dirty(txn))
        return answer;
    int committed = txn_commit(txn, err);
    txn = NULL;
    if (committed == 0)
        return answer;
    json_decref(answer);
    return NULL;
}

/* Reads only: what a region does not have yet leads nowhere. */
static json_t *answer_reach(const struct admin *admin, const char *region, const json_t *question,
                            struct err *err)
{
    const struct call call = {.world = admin->world,
                              .store = admin->store,
                              .account = admin->account,
                              .region = region,
                              .now_ms = cloud_clock_now(admin->clock(admin->arg))};
    if (!ec2_region_exists(region)) {
        err_set(err, "there is no region %.32s", region);
        return NULL;
    }
    return ec2_reach(&call, question, err);
}

/* "": of all regions. */
static json_t *answer_cost(const struct admin *admin, const char *region, struct err *err)
{
    const struct call call = {.store = admin->store,
                              .series = admin->series,
                              .now_ms = cloud_clock_now(admin->clock(admin->arg))};
    if (*region && !ec2_region_exists(region)) {
        err_set(err, "there is no region %.32s", region);
        return NULL;
    }
    return billing_report(&call, region);
}

json_t *admin_answer(void *arg, const char *path, const json_t *body, struct err *err)
{
    static const char instances[] = "/_pileus/instances/", images[] = "/_pileus/images/",
                      reach[] = "/_pileus/reach/", cost[] = "/_pileus/cost/";
    const struct admin *admin = arg;
    if (strcmp(path, "/_pileus/clock") == 0)
        return answer_clock(admin, body, err);
    if (strcmp(path, "/_pileus/status") == 0 && !body)
        return answer_status(admin);
    if (strcmp(path, "/_pileus/ca") == 0 && !body)
        return answer_authority(admin, err);
    if (strncmp(path, instances, sizeof instances - 1) == 0 && !body)
        return answer_instance(admin, path + sizeof instances - 1, err);
    if (strncmp(path, images, sizeof images - 1) == 0)
        return admin_answer_images(admin, path + sizeof images - 1, body, err);
    if (strncmp(path, reach, sizeof reach - 1) == 0 && body)
        return answer_reach(admin, path + sizeof reach - 1, body, err);
    if (strncmp(path, cost, sizeof cost - 1) == 0 && !body)
        return answer_cost(admin, path + sizeof cost - 1, err);
    return not_found(err, "there is nothing here");
}
