#include "control/usage_nat.h"

#include "control/scan.h"
#include "service/billing/usage.h"
#include "service/doc.h"

#include <stdlib.h>

static const double GB = 1e9;

void usage_nat_take(struct control *control, struct map *totals, const struct message_rows *head,
                    size_t size)
{
    const struct nat_traffic *rows = (const void *)(head + 1);
    if (size < sizeof *head || head->count > (size - sizeof *head) / sizeof *rows)
        return;
    for (uint32_t i = 0; i < head->count; i++) {
        static const char kind[] = "network-interface";
        char region[SCAN_REGION_SIZE];
        if (!scan_find_region(control->store, kind, rows[i].interface, region))
            continue;
        const json_t *interface = store_get(control->store, kind, region, rows[i].interface);
        const char *gateway = doc_text(interface, "_owner");
        uint64_t *total = map_get(totals, gateway);
        if (!total) {
            total = malloc(sizeof *total);
            if (!total || map_set(totals, gateway, total) < 0) {
                free(total);
                return;
            }
        }
        *total = rows[i].processed_bytes;
    }
}

void usage_nat_count(struct map *totals, json_t *record)
{
    const uint64_t *total = map_get(totals, doc_text(record, "ResourceId"));
    if (!total)
        return;
    /* A link that was made anew counts from zero. */
    uint64_t counted = (uint64_t)doc_number(record, "_total_bytes");
    uint64_t bytes = *total >= counted ? *total - counted : *total;
    if (!bytes)
        return;
    usage_count(record, (double)bytes / GB);
    json_object_set_new(record, "_total_bytes", json_integer((json_int_t)*total));
}

void usage_nat_finish(struct map *totals)
{
    map_each (entry, totals)
        free(entry->value);
    map_finish(totals);
}
