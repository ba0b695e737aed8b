/*
 * Sticky sessions: which target group and which target the cookies of a request name, and the
 * cookies that its response sets.
 *
 *   AWSALB, AWSALBCORS      the target of a group with lb_cookie stickiness
 *   AWSALBAPP-0             the same with app_cookie; counts while the application's own cookie is
 *                           there. One shard holds all that we write: 4 KiB are never reached
 *   AWSALBTG, AWSALBTGCORS  the group of a forward action with several
 *
 * A cookie that is forged, cut short, of another load balancer or expired says nothing: the load
 * balancer chooses anew. The request's cookies go on to the target as they came.
 */
#pragma once

#include "balancer/exchange.h"

struct writer;

/* What is remembered of an exchange until its response; NULL where nothing is sticky. */
struct stickiness;

/*
 * The group of the action that a cookie names; NULL: none does. *ret_invalid: the cookie is
 * URL-encoded, which AWS refuses (AWSALBTGCookieInvalid).
 */
const struct forward_group *stickiness_group(struct exchange *exchange, const struct action *action,
                                             bool *ret_invalid);
/* The target of the exchange's pool that a cookie names, if it may be used. Counts if none does. */
struct target *stickiness_target(struct exchange *exchange);
/* The cookies of the response of exchange->target whose head is in worker->head. */
void stickiness_write(struct exchange *exchange, struct writer *writer);
/* Forgets what was remembered. */
void stickiness_end(struct exchange *exchange);
