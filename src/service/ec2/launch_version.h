/* The documents of launch template versions, for launch_templates.c. */
#pragma once

#include "service/call.h"

/* Whether LaunchTemplateData asks only for what a launch can do. */
int launch_version_check(const json_t *data, struct err *err);
/* Adds version `number` of a template, described as the request says. Borrowed from the store. */
const json_t *launch_version_put(struct call *call, const json_t *template, int64_t number,
                                 const json_t *data);
/* Harmless if there is no such version. */
void launch_version_delete(struct call *call, const char *template_id, int64_t number);
