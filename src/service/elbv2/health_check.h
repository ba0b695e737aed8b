/* The health check settings of target groups. */
#pragma once

#include "service/call.h"

/* What call_accept() takes of a request: each member after a space. */
extern const char elb_health_check_members[];

/* Sets AWS's defaults for the document's ProtocolVersion. */
void elb_default_health_check(json_t *group);
/* Takes the settings that the request names into the document and checks the result. */
int elb_apply_health_check(const struct call *call, json_t *group, struct err *err);
