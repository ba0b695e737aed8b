/* A target group, loaded as the balancer loads it. */
#pragma once

#include "balancer/snapshot.h"

enum { GROUP_THREADS = 4 };

struct group_fixture {
    struct snapshot *snapshot;
    struct target_group *group;
    struct pool *pool; /* the first; each thread begins with its first target */
};

/* One group of `count` healthy targets with these attributes, "" or "\"KEY\": \"VALUE\", ...". */
void group_load(struct group_fixture *fixture, int count, const char *attributes);
/* The same with member "Targets" as it is in the document; the targets keep their states. */
void group_load_targets(struct group_fixture *fixture, const char *targets, const char *attributes);
void group_unload(struct group_fixture *fixture);
/* Target number `index` has another state; its group takes notice. */
void group_set(struct group_fixture *fixture, int index, int state);
/* The text of err if a group with these attributes cannot be loaded; NULL if it can. */
const char *group_refusal(const char *attributes);
