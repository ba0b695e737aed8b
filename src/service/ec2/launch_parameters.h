/*
 * What a launch asks for, as RunInstances and launch templates spell it: which members work, how
 * the data of a template and a request come together, and the parts of it that are checked alike.
 */
#pragma once

#include "service/call.h"

/*
 * Fails with UnsupportedOperation if `data` (a RunInstances request or RequestLaunchTemplateData)
 * asks for anything that would have no effect here; accepts what asks for what happens anyway.
 */
int launch_parameters_check(const json_t *data, struct err *err);
/*
 * The data of a template with what the request says in its place, a new reference. Tags are
 * merged; a subnet of the request goes to the template's primary network interface, as Auto
 * Scaling needs.
 */
json_t *launch_parameters_merge(const json_t *template_data, const json_t *request);
/* Checks UserData: base64, and at most 16 KiB of what it encodes. NULL is fine. */
int launch_user_data_check(const char *user_data, struct err *err);
