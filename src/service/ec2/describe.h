/* The common part of all Describe operations: select by ids, names and filters, and paginate. */
#pragma once

#include "service/call.h"
#include "service/ec2/filter.h"

/* A list in the request that names resources, such as VpcIds or GroupNames. */
struct ec2_selector {
    const char *member; /* of the request: "VpcIds" */
    const char *path;   /* of the document, whose values the list names: "VpcId" */
    const char *kind;   /* for ids.h: whose errors are used for what is malformed or missing */
};

enum { EC2_SELECTORS_MAX = 3 };

struct ec2_describe {
    const char *kind;                                 /* of the documents */
    const char *list;                                 /* member of the output: "Vpcs" */
    struct ec2_selector selectors[EC2_SELECTORS_MAX]; /* unused ones are zero */
    const struct ec2_filter *filters;
    const char *filters_in; /* member of the request; NULL: "Filters" */
    /*
     * What is shown of a document, as a new reference; filters see it too. NULL result: hidden.
     * NULL function: the document itself.
     */
    json_t *(*show)(const struct call *call, const json_t *doc);
    /* Bounds of MaxResults; 0 means AWS's usual 5 and 1000. */
    int results_min, results_max;
};

/* Fills call->out with the list and, if there is more, NextToken. */
int ec2_describe(struct call *call, const struct ec2_describe *describe, struct err *err);
/*
 * The selection without pagination, for operations that shape their output differently: a new array
 * of new or shared references. NULL and err on failure.
 */
json_t *ec2_select(struct call *call, const struct ec2_describe *describe, struct err *err);
/* Puts the page of `all` that MaxResults and NextToken ask for into `list` of call->out. */
int ec2_paginate(struct call *call, const struct ec2_describe *describe, const json_t *all,
                 struct err *err);
