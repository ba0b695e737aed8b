/*
 * Attributes of load balancers, target groups and listeners, kept in the document's `_attributes`.
 * wire/elb_attributes.h has the tables.
 */
#pragma once

#include "service/elbv2/resource.h"

/* All attributes of a new resource with their defaults: a new object. */
json_t *elb_default_attributes(enum elb_resource resource);
/* An attribute of a document as text or number; every key of the table is there. */
const char *elb_attribute(const json_t *doc, const char *key);
int64_t elb_attribute_number(const json_t *doc, const char *key);
