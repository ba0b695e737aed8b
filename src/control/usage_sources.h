/* What is charged of each kind of resource, as it is now. */
#pragma once

#include <jansson.h>

/* Called for each item that a resource is charged for at the moment. */
typedef void usage_visitor(void *arg, const char *resource, const char *item, double quantity,
                           const char *group);

struct usage_source {
    const char *kind;       /* of the resources' documents */
    const char *usage_kind; /* of their records (service/billing/usage.h) */
    void (*list)(const json_t *doc, usage_visitor *visit, void *arg);
};

enum { USAGE_SOURCES = 10 };
extern const struct usage_source usage_sources[USAGE_SOURCES];
