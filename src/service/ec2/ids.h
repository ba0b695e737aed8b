/*
 * Looking up resources by id, with AWS's errors for ids that are malformed or do not exist. One
 * table knows every kind: the kind of its documents, the prefix of its ids, codes and texts.
 */
#pragma once

#include "service/call.h"

/* The document; NULL and err if the id is malformed or does not exist. Borrowed from the store. */
const json_t *ec2_find(const struct call *call, const char *kind, const char *id, struct err *err);
/* The same, as a copy that may be changed until the transaction ends. */
json_t *ec2_edit(const struct call *call, const char *kind, const char *id, struct err *err);
/* Fails if the id has not the form of the kind's ids; kinds without a form accept anything. */
int ec2_id_check(const char *kind, const char *id, struct err *err);
/* Sets the kind's error for an id that does not exist. Returns -1. */
int ec2_id_not_found(const char *kind, const char *id, struct err *err);
/* The string member `name` of an object; NULL if absent. */
const char *ec2_text(const json_t *object, const char *name);
/* The string member `name` of the request; NULL and err (MissingParameter) if absent. */
const char *ec2_required(const struct call *call, const char *name, struct err *err);
