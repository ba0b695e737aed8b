/* An Auto Scaling group "g" in a simulated cloud, and what tests ask of it. */
#pragma once

#include "simulated_cloud.h"

enum { SECOND_MS = 1000, MINUTE_MS = 60000 };

/* For cmocka: *state is a struct simulated_cloud with the launch template "web". */
int stage_set_up(void **state);
int stage_tear_down(void **state);

/* Creates it in two zones; `more` are further members of the request. Half a minute passes. */
void create_group(struct simulated_cloud *cloud, int min, int desired, int max, const char *more);
const json_t *group_of(struct simulated_cloud *cloud);
/* How many rows of its Instances have this text in a member. */
int count_members(struct simulated_cloud *cloud, const char *member, const char *value);
/* The id of an instance, by its place in the group. */
const char *instance_id(struct simulated_cloud *cloud, size_t index);
/* The newest activity whose description begins so; NULL if there is none. */
const json_t *newest_activity(struct simulated_cloud *cloud, const char *description);
void set_desired(struct simulated_cloud *cloud, int desired);
/* A load balancer with a target group, to which the group is attached. A minute passes. */
void attach_balancer(struct simulated_cloud *cloud, char arn[256]);
size_t count_targets(struct simulated_cloud *cloud, const char *arn);
