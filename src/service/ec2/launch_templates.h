/* Launch templates and their versions: finding them, for all who launch from them. */
#pragma once

#include "service/call.h"

/* The template that LaunchTemplateId or LaunchTemplateName (one of them) of `in` names. */
const json_t *launch_template_find(const struct call *call, const json_t *in, struct err *err);
/*
 * The version that `version` names: a number, "$Latest", "$Default", or NULL for the default.
 * Borrowed; NULL and err if there is none.
 */
const json_t *launch_template_version(const struct call *call, const json_t *template,
                                      const char *version, struct err *err);
/*
 * The version that a LaunchTemplateSpecification {LaunchTemplateId or LaunchTemplateName, Version}
 * names, borrowed; NULL and err if there is none.
 */
const json_t *launch_template_resolve(const struct call *call, const json_t *specification,
                                      struct err *err);
