/* Finding the security group that a request is about. */
#pragma once

#include "service/call.h"

/* By GroupId, or by GroupName in the default VPC. NULL and err if there is none. */
const json_t *ec2_security_group_of_request(const struct call *call, struct err *err);
/* Deletes a group and its rules; the caller has checked that nothing uses it. */
void ec2_security_group_delete(struct call *call, const char *id);
