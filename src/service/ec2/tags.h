/* Tags of EC2 resources: on creation (TagSpecifications), limits, and merging. */
#pragma once

#include "service/call.h"

enum { EC2_TAGS_MAX = 50 };

/*
 * The tags that the request's TagSpecifications give to `resource_type` ("vpc"), as a new array,
 * empty if none; NULL and err if they break a rule. `allowed`: the resource types that this
 * operation creates, separated by spaces; a specification for any other type is an error.
 */
json_t *ec2_tags_on_creation(const struct call *call, const char *resource_type,
                             const char *allowed, struct err *err);
/* Adds or replaces the tags of `tags` in the array `into`; fails when the limit is exceeded. */
int ec2_tags_merge(json_t *into, const json_t *tags, struct err *err);
/* Checks keys, values and reserved prefixes of a list that a user gave. */
int ec2_tags_check(const json_t *tags, struct err *err);
/* Sets a tag that Pileus itself gives, also one whose key begins with "aws:". */
void ec2_tags_set(json_t *tags, const char *key, const char *value);
/* Takes a tag away; harmless if it is not there. */
void ec2_tags_remove(json_t *tags, const char *key);
/* The value of a tag; NULL if there is none. */
const char *ec2_tags_get(const json_t *tags, const char *key);
