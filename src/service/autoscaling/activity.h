/*
 * Scaling activities: the history of a group. One is begun when something starts to happen to an
 * instance and ended when it is done; StatusCode, Progress and the texts are AWS's.
 */
#pragma once

#include "service/call.h"

enum {
    ACTIVITIES_MAX = 10000,            /* of a region; older ones make room */
    ACTIVITIES_KEPT_S = 6 * 7 * 86400, /* after their start */
};

/*
 * Begins an activity that is InProgress. `cause` is a whole Cause (stolen). `zone` and `subnet`
 * make the Details; "" leaves one out. Returns its id, borrowed from the document.
 */
const char *activity_begin(struct call *call, const json_t *group, const char *description,
                           json_t *cause, const char *zone, const char *subnet);
/* Moves an activity on: StatusCode, Progress, and a Description unless NULL. */
void activity_progress(struct call *call, const char *id, const char *status, int progress,
                       const char *description);
/* Ends an activity as Successful. */
void activity_succeed(struct call *call, const char *id);
/* Ends an activity as `status` (Failed, Cancelled) with EC2's message; NULL leaves the Description.
 */
void activity_end(struct call *call, const char *id, const char *status, const char *message,
                  const char *description);
/* Ends an activity as Failed: the message goes behind its Description, too. */
void activity_fail(struct call *call, const char *id, const char *message);
/* The activity, borrowed; NULL if it is unknown. */
const json_t *activity_find(const struct call *call, const char *id);
/* Whether an activity of the group is still in progress; *ret_id (may be NULL) names it. */
bool activity_running(const struct call *call, const json_t *group, const char **ret_id);
/* Marks the activities of a group that is deleted now. */
void activity_group_deleted(struct call *call, const json_t *group);
