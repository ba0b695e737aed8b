#include "balancer/snapshot.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A document is loaded whole or refused with a reason; either way nothing of it stays. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct traffic_table traffic;
    struct target_table targets;
    struct tls_store tls;
    struct err err = {0};
    traffic_table_init(&traffic, 1);
    target_table_init(&targets, 1);
    tls_store_init(&tls, 1);
    struct snapshot *snapshot =
        snapshot_load((const char *)data, size, &traffic, &targets, &tls, &err);
    assert(snapshot || err.text[0]);
    snapshot_destroy(snapshot);
    assert(!targets.count);
    target_table_finish(&targets);
    traffic_table_finish(&traffic);
    tls_store_finish(&tls);
    return 0;
}
