/*
 * The four resources of Elastic Load Balancing: their documents, their ARNs and the errors for
 * those that do not exist. docs/state.md describes the documents.
 */
#pragma once

#include "service/call.h"

enum elb_resource { ELB_LOAD_BALANCER, ELB_LISTENER, ELB_RULE, ELB_TARGET_GROUP, ELB_RESOURCES };

enum { ELB_ARN_SIZE = 512 };

/* The kind of its documents in the store. */
const char *elb_kind(enum elb_resource resource);
/* Which resource an ARN names; ELB_RESOURCES if none. */
enum elb_resource elb_resource_of_arn(const char *arn);
/* "arn:aws:elasticloadbalancing:<region>:<account>:<path>" */
void elb_make_arn(const struct call *call, const char *path, char out[ELB_ARN_SIZE]);
/* What follows the account in an ARN: "loadbalancer/app/NAME/16hex". */
const char *elb_arn_path(const char *arn);

/* The document, borrowed; NULL and err (ValidationError, or the resource's NotFound) if none. */
const json_t *elb_find(const struct call *call, enum elb_resource resource, const char *arn,
                       struct err *err);
/* The same, as a copy that may be changed until the transaction ends. */
json_t *elb_edit(const struct call *call, enum elb_resource resource, const char *arn,
                 struct err *err);
/* Sets the resource's NotFound error for names, whose member of the request holds them. Returns -1.
 */
int elb_not_found(enum elb_resource resource, const char *name, struct err *err);

/* Gives what a check of wire/ found wrong the code of a client's mistake. Returns -1. */
int elb_invalid(struct err *err);

/* The document of a load balancer or target group with this name, borrowed; NULL if none. */
const json_t *elb_by_name(const struct call *call, enum elb_resource resource, const char *name);

/* Documents of the ARNs in an array of the request: a new array; NULL and err if one is missing. */
json_t *elb_by_arns(const struct call *call, enum elb_resource resource, const json_t *arns,
                    struct err *err);

/* Puts the page that Marker and PageSize ask for into `member` of the output. */
int elb_page(struct call *call, const json_t *all, const char *member, struct err *err);
/* Outputs one document as the only item of `member`. */
int elb_output_one(struct call *call, const char *member, const json_t *doc);

/* Checks the name of a load balancer or target group; `what` begins the message. */
int elb_check_name(const char *what, const char *name, struct err *err);
