/*
 * For the files of the groups controller. Each step looks at a group, does what is due now in the
 * pass's transaction, and asks to be run again when time alone will change its mind.
 */
#pragma once

#include "control/control_impl.h"
#include "service/autoscaling/group.h"

#include <stdbool.h>

/* Work on one group in one transaction. */
struct groups_pass {
    struct control *control;
    struct call call; /* in the open transaction */
    const char *name; /* of the group */
    int64_t due_ms;   /* when to look again even if nothing changes; INT64_MAX: never */
};

/* The group as it is now, borrowed. Valid until it is changed. */
const json_t *groups_look(const struct groups_pass *pass);
/* The group to be changed: only when there is something to write. */
json_t *groups_edit(struct groups_pass *pass);
/* Asks for another pass at cloud time `due_ms` at the latest. */
void groups_wake_at(struct groups_pass *pass, int64_t due_ms);
/* The instance's document, or NULL when EC2 has forgotten it. */
const json_t *groups_instance(const struct groups_pass *pass, const json_t *member);
/* Whether EC2 says that the instance is in `state`. */
bool groups_instance_is(const struct groups_pass *pass, const json_t *member, const char *state);

/*
 * After an operation on a member was refused: the next try is at `due_ms`. What the refused
 * operation wrote is committed, so without this the group would look again at once, for ever.
 */
void groups_retry_at(struct groups_pass *pass, const char *instance_id, int64_t due_ms);
/* Whether it is too early to try again; asks for a pass when it is time. */
bool groups_must_wait(struct groups_pass *pass, const json_t *member);

/* groups_health.c: Pending instances that run become InService; the others are judged. */
void groups_observe(struct groups_pass *pass);
/* groups_hooks.c: members that hooks hold go on when all is completed or its time is over. */
void groups_wait(struct groups_pass *pass);
/*
 * groups_hooks.c: has the hooks of a transition hold a member: it goes on to ":Wait". False if
 * there are none.
 */
bool groups_hold(struct groups_pass *pass, const char *id, const char *transition);
/* groups_aside.c: members that leave alive: into standby, or out of the group. */
void groups_set_aside(struct groups_pass *pass);
/* groups_health.c: unhealthy instances that cannot wait for others begin to leave. */
void groups_replace(struct groups_pass *pass);
/*
 * groups_health.c: whether the member is unhealthy but runs, so that it is replaced in its turn:
 * where load balancers find it unhealthy, or the group has a maintenance policy.
 */
bool groups_may_wait(const struct groups_pass *pass, const json_t *member);
/* groups_targets.c: instances in service are registered with the attached target groups. */
void groups_register(struct groups_pass *pass);
/* groups_targets.c: deregisters a member everywhere; its `_draining` says what to wait for. */
void groups_deregister(struct groups_pass *pass, json_t *member);
/* groups_targets.c: whether a target group still drains the member. */
bool groups_is_draining(const struct groups_pass *pass, const json_t *member);
/* groups_health.c: whether each target group that it was registered with sends it traffic. */
bool groups_is_serving(const struct groups_pass *pass, const json_t *member);
/* groups_health.c: in service, healthy, and for so long that it is warm; else asks for a pass then.
 */
bool groups_is_warm(struct groups_pass *pass, const json_t *member, int64_t warmup_ms);

/* Members that are replaced a few at a time. The percentages are of the desired capacity. */
struct replacement {
    int desired, active;
    int serving;         /* of the active ones, those that can be counted on */
    int left;            /* still to be replaced */
    int64_t least, most; /* percent that shall serve, and that may be there */
};

/* groups_replacement.c: how many above the desired capacity come before others go. */
int replacement_surplus(const struct replacement *replacement);
/* groups_replacement.c: how many may go now. With nothing on its way, one always may. */
int replacement_goers(const struct replacement *replacement, int surplus);
/*
 * groups_replacement.c: has `count` instances launched above the desired capacity; `sentence` is
 * the Cause of these launches, NULL the usual one. 0 takes it back.
 */
void groups_set_surplus(struct groups_pass *pass, int count, const char *sentence);
/* groups_replacement.c: what the next launch in place of another one tells as its Cause. */
void groups_push_replacement(json_t *group, const char *sentence);

/* groups_refresh.c: an instance refresh goes on. */
void groups_refresh(struct groups_pass *pass);
/* groups_maintenance.c: what is unhealthy, or has reached its maximum lifetime, is replaced. */
void groups_maintain(struct groups_pass *pass);
/* groups_maintenance.c: whether members wait to be replaced. */
bool groups_is_maintained(const json_t *group);
/* groups_maintenance.c: whether the member can be counted on. */
bool groups_is_ready(struct groups_pass *pass, const json_t *member);
/* groups_rebalance.c: zones that have become uneven are evened out. */
void groups_rebalance(struct groups_pass *pass);
/* groups_rebalance.c: a launch for it failed: `group`, being edited, waits for a while. */
void groups_give_up_rebalance(json_t *group, int64_t now_ms);
/* groups_scale_in.c: too many instances: some begin to leave. */
void groups_scale_in(struct groups_pass *pass);
/* groups_scale_in.c: whether it may take the member. A group that is deleted protects nothing. */
bool groups_may_scale_in(const struct groups_pass *pass, const json_t *member);
/* groups_scale_in.c: active members in a zone. */
int groups_count_in_zone(const json_t *group, const char *zone);
/*
 * groups_scale_in.c: the member that goes first, by the group's termination policies, of those that
 * fit; NULL if none does.
 */
const json_t *groups_choose(const struct groups_pass *pass, const json_t *group,
                            bool (*fits)(const struct groups_pass *pass, const json_t *member));
/* groups_warm.c: the warm pool is prepared, gives what the group lacks, and keeps its size. */
void groups_warm(struct groups_pass *pass);
/* groups_warm.c: an instance is told that it is of the pool. */
void groups_warm_begin(struct groups_pass *pass, const char *id);
/*
 * groups_warm.c: a member in service goes back into the pool (`cause` is borrowed). False if the
 * pool does not take it.
 */
bool groups_return(struct groups_pass *pass, const char *id, json_t *cause);
/* groups_departure.c: what leaves goes on: deregister, drain, terminate, forget. */
void groups_depart(struct groups_pass *pass);
/*
 * groups_launch.c: too few instances: launches some, in transactions of its own. `due_ms` as in a
 * pass. Returns true if it changed something.
 */
bool groups_launch(struct control *control, const char *region, const char *name, int64_t *due_ms);
/* groups_launch.c: the same for what its warm pool lacks. */
bool groups_launch_into_pool(struct control *control, const char *region, const char *name,
                             int64_t *due_ms);
/* groups_launch.c: whether what comes into service may be in a zone, as the group spreads it. */
bool groups_may_launch_in(const json_t *group, const char *zone);
/* groups_launch.c: the Cause of a launch into service; `active` members were there before. */
json_t *groups_launch_cause(const struct call *call, const json_t *group, int active);
/* groups_launch.c: one of the instances that had to go will have a successor: it comes now. */
void groups_count_replacement(json_t *group);
/* groups_schedule.c: runs the scheduled actions of a region that are due. `due_ms` as in a pass. */
void groups_schedule(struct control *control, const char *region, int64_t *due_ms);
/* groups_metrics.c: the group's own metrics, once a minute. */
void groups_measure(struct control *control, int64_t minute_ms);
