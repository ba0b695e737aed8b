/*
 * Anomaly detection: targets that fail far more often than their peers, by responses with 5xx and
 * connections that fail. And its mitigation, where the group asks for it: each round takes half of
 * such a target's share, and gives it back by the same steps when it is normal again. Counts in,
 * shares out: on the main thread, at the end of each round.
 */
#pragma once

#include "balancer/snapshot.h"

enum {
    ANOMALY_ROUND_MS = 10000,    /* cloud time */
    ANOMALY_TARGETS_MIN = 3,     /* healthy ones: fewer have no peers to be compared with */
    ANOMALY_ANSWERS_MIN = 10,    /* of one target: fewer say nothing, and count in the next round */
    ANOMALY_MARGIN_PERCENT = 10, /* errors above those of most targets that are anomalous */
    ANOMALY_SHARE_MIN = TARGET_FULL_SHARE / 64, /* so that it shows when it is normal again */
};

/*
 * Ends a round for a group whose targets `thread_count` threads send to. `on_change` is called for
 * each target whose result changed.
 */
void anomaly_round(struct target_group *group, int thread_count,
                   void (*on_change)(const struct target *target, void *owner), void *owner);
