/* Certificates of listeners: the default one is in `Certificates`, others in `_certificates`. */
#pragma once

#include "service/call.h"

/* The ARNs of the load balancers whose listeners use a certificate: a new array. */
json_t *elb_certificate_users(const struct call *call, const char *certificate_arn);
/*
 * The ARNs in a list of Certificate of a request, once each names a certificate that a listener can
 * use: a new array. NULL and err if one does not.
 */
json_t *elb_certificate_arns(const struct call *call, const json_t *certificates, struct err *err);
