/* What HTTPS listeners have besides others: a certificate and a security policy. */
#pragma once

#include "service/call.h"

/*
 * Takes Protocol, SslPolicy, Certificates, AlpnPolicy and MutualAuthentication of the request into
 * a listener's document, with AWS's defaults; a listener that becomes plain loses what is about
 * TLS.
 */
int elb_set_protocol(const struct call *call, json_t *listener, struct err *err);
