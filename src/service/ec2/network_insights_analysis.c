/*
 * Analyses of the Reachability Analyzer: what reach.h answers to a path's question, in the shapes
 * of AWS. They are done when they start.
 */
#include "service/accept.h"
#include "service/doc.h"
#include "service/ec2/describe.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/network_insights.h"
#include "service/ec2/reach.h"
#include "service/ec2/tags.h"
#include "service/ec2/vpc.h"

#include <string.h>

static const char kind[] = "network-insights-analysis";

enum { ANALYSES_MAX = 1000, RESULTS_MAX = 100 };

/* ---- in AWS's shapes ---- */

/* Copies the members that there are. */
static json_t *copy_members(const json_t *from, const char *const *members, size_t count)
{
    json_t *copy = json_object();
    for (size_t i = 0; i < count; i++)
        if (json_object_get(from, members[i]))
            json_object_set(copy, members[i], json_object_get(from, members[i]));
    return copy;
}

/* The member of an Explanation that holds a component of each type. */
static const char *member_of_type(const char *type)
{
    static const char *const members[][2] = {
        {"network-acl", "Acl"},
        {"security-group", "SecurityGroup"},
        {"route-table", "RouteTable"},
        {"internet-gateway", "InternetGateway"},
        {"nat-gateway", "NatGateway"},
        {"network-interface", "NetworkInterface"},
        {"vpc-peering-connection", "VpcPeeringConnection"},
    };
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (!strcmp(members[i][0], type))
            return members[i][1];
    return NULL;
}

static json_t *shown_explanation(const json_t *explanation)
{
    static const char *const members[] = {
        "ExplanationCode", "Direction", "Component",       "Vpc",
        "Subnet",          "AclRule",   "RouteTableRoute", "SecurityGroups"};
    const char *own = member_of_type(doc_text(explanation, "ComponentType"));
    json_t *shown = copy_members(explanation, members, sizeof members / sizeof *members);
    if (own)
        json_object_set(shown, own, json_object_get(explanation, "Component"));
    return shown;
}

static json_t *shown_explanations(const json_t *explanations)
{
    size_t i;
    const json_t *explanation;
    json_t *shown = json_array();
    json_array_foreach (explanations, i, explanation)
        json_array_append_new(shown, shown_explanation(explanation));
    return shown;
}

static json_t *shown_hops(const json_t *hops)
{
    static const char *const members[] = {
        "SequenceNumber",  "Component",         "Vpc",           "Subnet", "AclRule",
        "RouteTableRoute", "SecurityGroupRule", "OutboundHeader"};
    size_t i;
    const json_t *hop;
    json_t *shown = json_array();
    json_array_foreach (hops, i, hop) {
        json_t *component = copy_members(hop, members, sizeof members / sizeof *members);
        if (json_object_get(hop, "ExplanationCode"))
            json_object_set_new(
                component, "Explanations",
                json_pack("[{s:O}]", "ExplanationCode", json_object_get(hop, "ExplanationCode")));
        json_array_append_new(shown, component);
    }
    return shown;
}

/* ---- what the path must and must not pass ---- */

static bool passes(const json_t *answer, const char *member, const char *value)
{
    size_t i;
    const json_t *hop;
    json_array_foreach (json_object_get(answer, "Forward"), i, hop)
        if (doc_is(json_object_get(hop, "Component"), member, value) ||
            doc_is(json_object_get(hop, "NetworkInterface"), member, value))
            return true;
    return false;
}

static void restrict_to(json_t *explanations, const char *member, const char *value)
{
    json_array_append_new(explanations,
                          json_pack("{s:s, s:{s:s}}", "ExplanationCode",
                                    "COMPONENT_FILTER_RESTRICTION", "Component", member, value));
}

/* There is one path only: a filter that it does not meet leaves none. */
static void check_filters(const struct call *call, const json_t *path, const json_t *answer,
                          json_t *explanations)
{
    size_t i;
    const json_t *arn;
    static const char *const ends[] = {"Source", "Destination"};
    json_array_foreach (json_object_get(call->in, "FilterInArns"), i, arn)
        if (!passes(answer, "Arn", json_string_value(arn)))
            restrict_to(explanations, "Arn", json_string_value(arn));
    json_array_foreach (json_object_get(call->in, "FilterOutArns"), i, arn)
        if (passes(answer, "Arn", json_string_value(arn)))
            restrict_to(explanations, "Arn", json_string_value(arn));
    for (i = 0; i < sizeof ends / sizeof *ends; i++) {
        const char *end = doc_text(path, ends[i]);
        if (!strncmp(end, "igw-", 4) && !passes(answer, "Id", end))
            restrict_to(explanations, "Id", end);
    }
}

/* ---- StartNetworkInsightsAnalysis ---- */

static void analyse(const struct call *call, const json_t *path, json_t *analysis)
{
    struct err reason;
    json_auto_t *question = ec2_network_insights_question(path);
    json_auto_t *answer = ec2_reach(call, question, &reason);
    json_object_set_new(analysis, "Status", json_string("succeeded"));
    if (!answer) {
        json_object_set_new(analysis, "NetworkPathFound", json_false());
        json_object_set_new(analysis, "Explanations",
                            json_pack("[{s:s}]", "ExplanationCode", "NO_SOURCE_OR_DESTINATION"));
        return;
    }
    json_t *explanations = shown_explanations(json_object_get(answer, "Explanations"));
    if (json_is_true(json_object_get(answer, "Reachable")))
        check_filters(call, path, answer, explanations);
    json_object_set_new(analysis, "NetworkPathFound",
                        json_boolean(json_array_size(explanations) == 0));
    json_object_set_new(analysis, "Explanations", explanations);
    json_object_set_new(analysis, "ForwardPathComponents",
                        shown_hops(json_object_get(answer, "Forward")));
    json_object_set_new(analysis, "ReturnPathComponents",
                        shown_hops(json_object_get(answer, "Return")));
}

int ec2_StartNetworkInsightsAnalysis(struct call *call, struct err *err)
{
    static const char *const shown[] = {"NetworkInsightsAnalysisId",
                                        "NetworkInsightsAnalysisArn",
                                        "NetworkInsightsPathId",
                                        "StartDate",
                                        "FilterInArns",
                                        "FilterOutArns",
                                        "Tags"};
    char id[32];
    if (call_accept(call->in, "NetworkInsightsPathId FilterInArns FilterOutArns TagSpecifications",
                    err) < 0)
        return -1;
    const char *path_id = ec2_required(call, "NetworkInsightsPathId", err);
    const json_t *path = path_id ? ec2_find(call, "network-insights-path", path_id, err) : NULL;
    if (!path || ec2_limit(call, kind, NULL, NULL, ANALYSES_MAX,
                           "NetworkInsightsAnalysis.LimitExceeded", err) < 0)
        return -1;
    json_auto_t *tags = ec2_tags_on_creation(call, kind, kind, err);
    if (!tags)
        return -1;
    call_make_id(call, "nia", id);
    json_t *analysis =
        json_pack("{s:s, s:o, s:s, s:o, s:O}", "NetworkInsightsAnalysisId", id,
                  "NetworkInsightsAnalysisArn", ec2_arn(call, kind, id), "NetworkInsightsPathId",
                  path_id, "StartDate", call_now(call), "Tags", tags);
    for (int i = 0; i < 2; i++) {
        static const char *const filters[] = {"FilterInArns", "FilterOutArns"};
        if (json_object_get(call->in, filters[i]))
            json_object_set(analysis, filters[i], json_object_get(call->in, filters[i]));
    }
    analyse(call, path, analysis);
    txn_put(call->txn, kind, call->region, id, analysis);
    json_t *started = copy_members(analysis, shown, sizeof shown / sizeof *shown);
    json_object_set_new(started, "Status", json_string("running"));
    json_object_set_new(call->out, "NetworkInsightsAnalysis", started);
    return 0;
}

/* ---- the others ---- */

int ec2_DeleteNetworkInsightsAnalysis(struct call *call, struct err *err)
{
    if (call_accept(call->in, "NetworkInsightsAnalysisId", err) < 0)
        return -1;
    const char *id = ec2_required(call, "NetworkInsightsAnalysisId", err);
    if (!id || !ec2_find(call, kind, id, err))
        return -1;
    json_object_set_new(call->out, "NetworkInsightsAnalysisId", json_string(id));
    txn_delete(call->txn, kind, call->region, id);
    return 0;
}

/* Whether an analysis is of the path, and within the times, that the request names. */
static bool is_asked_for(const struct call *call, const json_t *analysis)
{
    const char *path = ec2_text(call->in, "NetworkInsightsPathId");
    const json_t *from = json_object_get(call->in, "AnalysisStartTime");
    const json_t *to = json_object_get(call->in, "AnalysisEndTime");
    double start = json_number_value(json_object_get(analysis, "StartDate"));
    return (!path || doc_is(analysis, "NetworkInsightsPathId", path)) &&
           (!from || start >= json_number_value(from)) && (!to || start <= json_number_value(to));
}

int ec2_DescribeNetworkInsightsAnalyses(struct call *call, struct err *err)
{
    static const struct ec2_filter filters[] = {
        {"path-found", "NetworkPathFound"}, {"status", "Status"}, {NULL, NULL}};
    static const struct ec2_describe describe = {
        .kind = kind,
        .list = "NetworkInsightsAnalyses",
        .selectors = {{"NetworkInsightsAnalysisIds", "NetworkInsightsAnalysisId", kind}},
        .filters = filters,
        .results_min = 1,
        .results_max = RESULTS_MAX,
    };
    if (call_accept(call->in,
                    "Filters NetworkInsightsAnalysisIds NetworkInsightsPathId AnalysisStartTime "
                    "AnalysisEndTime MaxResults NextToken",
                    err) < 0)
        return -1;
    const char *path = ec2_text(call->in, "NetworkInsightsPathId");
    if (path && !ec2_find(call, "network-insights-path", path, err))
        return -1;
    json_auto_t *all = ec2_select(call, &describe, err);
    if (!all)
        return -1;
    for (size_t i = json_array_size(all); i > 0; i--)
        if (!is_asked_for(call, json_array_get(all, i - 1)))
            json_array_remove(all, i - 1);
    return ec2_paginate(call, &describe, all, err);
}
