/* Paths of the Reachability Analyzer: what shall reach what. network_insights_analysis.c asks. */
#include "service/ec2/network_insights.h"

#include "service/accept.h"
#include "service/doc.h"
#include "service/ec2/cidr.h"
#include "service/ec2/describe.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/tags.h"
#include "service/ec2/vpc.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char kind[] = "network-insights-path";

enum { PATHS_MAX = 100, RESULTS_MAX = 100 };

/* ---- ends ---- */

/* What a path may begin and end at. */
static const struct {
    const char *prefix, *kind;
} end_kinds[] = {{"i-", "instance"}, {"eni-", "network-interface"}, {"igw-", "internet-gateway"}};

/* The id behind an ARN of this account and region; the text itself if it is no ARN. */
static const char *id_of(const struct call *call, const char *text, struct err *err)
{
    char own[128];
    if (strncmp(text, "arn:", 4))
        return text;
    snprintf(own, sizeof own, "arn:aws:ec2:%s:%s:", call->region, call->account);
    const char *slash = strrchr(text, '/');
    if (!strncmp(text, own, strlen(own)) && slash)
        return slash + 1;
    err_aws(err, "UnsupportedOperation",
            "Paths from or to another account or region are not supported by Pileus");
    return NULL;
}

static int put_end(const struct call *call, json_t *path, const char *member, struct err *err)
{
    char arn_member[32];
    const char *text = ec2_text(call->in, member);
    const char *id = id_of(call, text, err);
    for (size_t i = 0; id && i < sizeof end_kinds / sizeof *end_kinds; i++) {
        if (strncmp(id, end_kinds[i].prefix, strlen(end_kinds[i].prefix)))
            continue;
        if (!ec2_find(call, end_kinds[i].kind, id, err))
            return -1;
        snprintf(arn_member, sizeof arn_member, "%sArn", member);
        json_object_set_new(path, member, json_string(id));
        json_object_set_new(path, arn_member, ec2_arn(call, end_kinds[i].kind, id));
        return 0;
    }
    if (!id)
        return -1;
    return err_aws(err, "UnsupportedOperation",
                   "A path from or to '%.255s' is not supported by Pileus: it must be an instance, "
                   "a network interface or an internet gateway",
                   id);
}

/* ---- ports and addresses ---- */

static int check_address(const char *text, struct err *err)
{
    uint32_t address;
    if (!text || cidr_parse_address(text, &address))
        return 0;
    return err_aws(err, "InvalidParameterValue", "'%.64s' is not an IPv4 address", text);
}

static int check_range(const json_t *range, bool may_be_wide, struct err *err)
{
    if (!range)
        return 0;
    int from = (int)doc_number(range, "FromPort"), to = (int)doc_number(range, "ToPort");
    if (from < 1 || to < from)
        return err_aws(err, "InvalidParameterValue", "The port range %d-%d is not valid", from, to);
    if (from < to && !may_be_wide)
        return err_aws(err, "UnsupportedOperation",
                       "A path to more than one port is not supported by Pileus");
    return 0;
}

static int check_filter(const json_t *filter, struct err *err)
{
    if (call_accept(filter, "SourceAddress SourcePortRange DestinationAddress DestinationPortRange",
                    err) < 0)
        return -1;
    if (check_address(ec2_text(filter, "SourceAddress"), err) < 0 ||
        check_address(ec2_text(filter, "DestinationAddress"), err) < 0)
        return -1;
    return check_range(json_object_get(filter, "SourcePortRange"), true, err) < 0
               ? -1
               : check_range(json_object_get(filter, "DestinationPortRange"), false, err);
}

/* Members that say the same twice are an error, and so is a path that says too little. */
static int check_request(const struct call *call, struct err *err)
{
    const json_t *filter = json_object_get(call->in, "FilterAtSource");
    bool has_port = json_object_get(call->in, "DestinationPort");
    if (filter &&
        (has_port || ec2_text(call->in, "SourceIp") || ec2_text(call->in, "DestinationIp")))
        return err_aws(err, "InvalidParameterCombination",
                       "FilterAtSource cannot be used with SourceIp, DestinationIp or "
                       "DestinationPort");
    if (filter && check_filter(filter, err) < 0)
        return -1;
    if (check_address(ec2_text(call->in, "SourceIp"), err) < 0 ||
        check_address(ec2_text(call->in, "DestinationIp"), err) < 0)
        return -1;
    if (!ec2_text(call->in, "Destination") && !ec2_text(call->in, "DestinationIp") &&
        !ec2_text(filter, "DestinationAddress"))
        return err_aws(err, "MissingParameter",
                       "The request must contain the parameter Destination or DestinationIp");
    if (!doc_number(call->in, "DestinationPort") &&
        !json_object_get(filter, "DestinationPortRange"))
        return err_aws(err, "UnsupportedOperation",
                       "A path without a destination port is not supported by Pileus");
    return 0;
}

/* Clients write it in capitals too. NULL and err if there is no such protocol. */
static const char *protocol_of(const struct call *call, struct err *err)
{
    static const char *const protocols[] = {"tcp", "udp"};
    const char *text = ec2_required(call, "Protocol", err);
    for (size_t i = 0; text && i < sizeof protocols / sizeof *protocols; i++)
        if (!strcasecmp(text, protocols[i]))
            return protocols[i];
    if (text)
        err_aws(err, "InvalidParameterValue",
                "Value (%.32s) for parameter protocol is invalid. It must be tcp or udp.", text);
    return NULL;
}

/* ---- the operations ---- */

int ec2_CreateNetworkInsightsPath(struct call *call, struct err *err)
{
    static const char *const copied[] = {"SourceIp", "DestinationIp", "DestinationPort",
                                         "FilterAtSource"};
    char id[32];
    const char *protocol = protocol_of(call, err);
    if (!protocol ||
        call_accept(call->in,
                    "Source Destination SourceIp DestinationIp DestinationPort Protocol "
                    "FilterAtSource TagSpecifications",
                    err) < 0 ||
        !ec2_required(call, "Source", err) || check_request(call, err) < 0 ||
        ec2_limit(call, kind, NULL, NULL, PATHS_MAX, "NetworkInsightsPath.LimitExceeded", err) < 0)
        return -1;
    json_auto_t *tags = ec2_tags_on_creation(call, kind, kind, err);
    if (!tags)
        return -1;
    call_make_id(call, "nip", id);
    json_auto_t *path = json_pack("{s:s, s:o, s:o, s:O, s:s}", "NetworkInsightsPathId", id,
                                  "NetworkInsightsPathArn", ec2_arn(call, kind, id), "CreatedDate",
                                  call_now(call), "Tags", tags, "Protocol", protocol);
    if (put_end(call, path, "Source", err) < 0 ||
        (ec2_text(call->in, "Destination") && put_end(call, path, "Destination", err) < 0))
        return -1;
    for (size_t i = 0; i < sizeof copied / sizeof *copied; i++)
        if (json_object_get(call->in, copied[i]))
            json_object_set(path, copied[i], json_object_get(call->in, copied[i]));
    json_object_set(call->out, "NetworkInsightsPath", path);
    txn_put(call->txn, kind, call->region, id, json_incref(path));
    return 0;
}

int ec2_DeleteNetworkInsightsPath(struct call *call, struct err *err)
{
    if (call_accept(call->in, "NetworkInsightsPathId", err) < 0)
        return -1;
    const char *id = ec2_required(call, "NetworkInsightsPathId", err);
    if (!id || !ec2_find(call, kind, id, err))
        return -1;
    if (ec2_first(call, "network-insights-analysis", "NetworkInsightsPathId", id))
        return err_aws(err, "AnalysisExistsForNetworkInsightsPath",
                       "The network insights path '%s' has analyses and cannot be deleted.", id);
    json_object_set_new(call->out, "NetworkInsightsPathId", json_string(id));
    txn_delete(call->txn, kind, call->region, id);
    return 0;
}

int ec2_DescribeNetworkInsightsPaths(struct call *call, struct err *err)
{
    static const struct ec2_filter filters[] = {
        {"destination", "Destination"},
        {"filter-at-source.source-address", "FilterAtSource.SourceAddress"},
        {"filter-at-source.destination-address", "FilterAtSource.DestinationAddress"},
        {"protocol", "Protocol"},
        {"source", "Source"},
        {NULL, NULL},
    };
    static const struct ec2_describe describe = {
        .kind = kind,
        .list = "NetworkInsightsPaths",
        .selectors = {{"NetworkInsightsPathIds", "NetworkInsightsPathId", kind}},
        .filters = filters,
        .results_min = 1,
        .results_max = RESULTS_MAX,
    };
    if (call_accept(call->in, "Filters NetworkInsightsPathIds MaxResults NextToken", err) < 0)
        return -1;
    return ec2_describe(call, &describe, err);
}

/* ---- what an analysis asks ---- */

static void put_port(json_t *question, const char *member, const json_t *range)
{
    if (range)
        json_object_set_new(question, member,
                            json_sprintf("%d-%d", (int)doc_number(range, "FromPort"),
                                         (int)doc_number(range, "ToPort")));
}

static void put_address(json_t *question, const char *member, const char *text)
{
    if (text)
        json_object_set_new(question, member, json_string(text));
}

json_t *ec2_network_insights_question(const json_t *path)
{
    const json_t *filter = json_object_get(path, "FilterAtSource");
    const char *to = ec2_text(path, "DestinationIp");
    const char *from = ec2_text(path, "SourceIp"), *destination = ec2_text(path, "Destination");
    const json_t *range = json_object_get(filter, "DestinationPortRange");
    int port = (int)doc_number(range ? range : path, range ? "FromPort" : "DestinationPort");
    to = to ? to : ec2_text(filter, "DestinationAddress");
    from = from ? from : ec2_text(filter, "SourceAddress");
    json_t *question = json_pack("{s:s, s:s, s:s, s:o}", "Source", ec2_text(path, "Source"),
                                 "Destination", destination ? destination : to, "Protocol",
                                 ec2_text(path, "Protocol"), "Port", json_sprintf("%d", port));
    put_address(question, "SourceAddress", from);
    put_address(question, "DestinationAddress", to);
    put_port(question, "SourcePort", json_object_get(filter, "SourcePortRange"));
    return question;
}
