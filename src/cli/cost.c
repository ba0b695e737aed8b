#include "cli/cost.h"

#include "cli/cost_table.h"
#include "cli/target.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

const char cost_usage[] =
    "cost [--region REGION] [--json]\n\n"
    "Instances, load balancers and their LCUs, NAT gateways, public IPv4 addresses, volumes,\n"
    "snapshots, alarms and dashboards, of every region unless one is named; also those that are "
    "no\n"
    "more. A month is 730 hours that go on like those recorded.";

struct words {
    const char *region;
    bool as_json;
};

static int take_words(struct words *words, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (!strcmp(argv[i], "--json"))
            words->as_json = true;
        else if (!strcmp(argv[i], "--region") && i + 1 < argc)
            words->region = argv[++i];
        else
            return -1;
    }
    return 0;
}

int cost_main(int argc, char **argv)
{
    struct record record;
    struct err err;
    struct words words = {.region = ""};
    char path[128];
    json_auto_t *report = NULL;
    const char *data_dir = target_data_dir(&argc, argv, &err);
    if (take_words(&words, argc, argv) < 0) {
        fprintf(stderr, "Usage: pileus %s\n", cost_usage);
        return 2;
    }
    snprintf(path, sizeof path, "/_pileus/cost/%.64s", words.region);
    if (!data_dir || target_find(data_dir, &record, &err) < 0 ||
        !(report = target_ask(&record, path, NULL, &err))) {
        fprintf(stderr, "pileus: %s\n", err.text);
        return 1;
    }
    if (!words.as_json) {
        cost_print(report, stdout);
    } else {
        json_dumpf(report, stdout, JSON_INDENT(2));
        putchar('\n');
    }
    return 0;
}
