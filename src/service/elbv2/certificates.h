/* Certificates of listeners: the default one is in `Certificates`, others in `_certificates`. */
#pragma once

#include "service/call.h"

/* The ARNs of the load balancers whose listeners use a certificate: a new array. */
json_t *elb_certificate_users(const struct call *call, const char *certificate_arn);
