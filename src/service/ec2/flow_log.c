#include "service/ec2/flow_log.h"

#include "service/accept.h"
#include "service/bucket.h"
#include "service/doc.h"
#include "service/ec2/describe.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/tags.h"

#include <stdio.h>
#include <string.h>

static const char kind[] = EC2_FLOW_LOG;

enum { LOGS_PER_RESOURCE_MAX = 2, RESOURCES_MAX = 1000 };

static const char default_format[] =
    "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} "
    "${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status}";

/* ---- destinations and resources ---- */

bool ec2_flow_log_folder(const char *arn, char folder[EC2_FLOW_LOG_FOLDER_SIZE])
{
    static const char scheme[] = "arn:aws:s3:::";
    char bucket[64], prefix[520];
    if (strncmp(arn, scheme, sizeof scheme - 1))
        return false;
    const char *name = arn + sizeof scheme - 1, *slash = strchrnul(name, '/');
    size_t size = (size_t)(slash - name), left = strlen(slash);
    if (size >= sizeof bucket || left >= sizeof prefix)
        return false;
    snprintf(bucket, sizeof bucket, "%.*s", (int)size, name);
    left -= left && slash[left - 1] == '/'; /* a slash at the end says no more */
    snprintf(prefix, sizeof prefix, "%.*s", (int)left, slash);
    if (!bucket_name_is_valid(bucket) || (*prefix && !bucket_prefix_is_valid(prefix + 1)))
        return false;
    snprintf(folder, EC2_FLOW_LOG_FOLDER_SIZE, "%s%s/", bucket, prefix);
    return true;
}

const char *ec2_flow_log_resource(const json_t *interface, int index)
{
    static const char *const members[EC2_FLOW_LOG_RESOURCES] = {"NetworkInterfaceId", "SubnetId",
                                                                "VpcId"};
    return doc_text(interface, members[index]);
}

static const char *kind_of(const char *resource_type)
{
    static const struct {
        const char *type, *kind;
    } kinds[] = {{"VPC", "vpc"}, {"Subnet", "subnet"}, {"NetworkInterface", "network-interface"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(kinds[i].type, resource_type))
            return kinds[i].kind;
    return NULL;
}

/* ---- CreateFlowLogs ---- */

static int check_destination(const struct call *call, struct err *err)
{
    char folder[EC2_FLOW_LOG_FOLDER_SIZE];
    const char *arn = ec2_required(call, "LogDestination", err);
    if (!arn)
        return -1;
    return ec2_flow_log_folder(arn, folder)
               ? 0
               : err_aws(err, "InvalidParameter", "LogDestination: %.255s is invalid.", arn);
}

static int check_options(const struct call *call, struct err *err)
{
    struct ec2_flow_format format;
    const char *text = ec2_text(call->in, "LogFormat");
    const json_t *options = json_object_get(call->in, "DestinationOptions");
    int64_t interval = doc_number(call->in, "MaxAggregationInterval");
    if (options &&
        call_accept(options, "FileFormat=plain-text HiveCompatiblePartitions PerHourPartition",
                    err) < 0)
        return -1;
    if (json_object_get(call->in, "MaxAggregationInterval") && interval != 60 && interval != 600)
        return err_aws(err, "InvalidParameter",
                       "Invalid Flow Log Max Aggregation Interval: it must be 60 or 600 seconds");
    return text ? ec2_flow_format_read(text, &format, err) : 0;
}

static json_t *make_document(const struct call *call, const char *resource, const char *of,
                             json_t *tags)
{
    const char *format = ec2_text(call->in, "LogFormat");
    const json_t *options = json_object_get(call->in, "DestinationOptions");
    int64_t interval = doc_number(call->in, "MaxAggregationInterval");
    return json_pack(
        "{s:s, s:o, s:s, s:s, s:s, s:O, s:s, s:O, s:s, s:I, s:{s:s, s:b, s:b}, s:O, s:s}",
        "FlowLogId", "", "CreationTime", call_now(call), "FlowLogStatus", "ACTIVE",
        "DeliverLogsStatus", "SUCCESS", "ResourceId", resource, "TrafficType",
        json_object_get(call->in, "TrafficType"), "LogDestinationType", "s3", "LogDestination",
        json_object_get(call->in, "LogDestination"), "LogFormat", format ? format : default_format,
        "MaxAggregationInterval", (json_int_t)(interval ? interval : 600), "DestinationOptions",
        "FileFormat", "plain-text", "HiveCompatiblePartitions",
        doc_flag(options, "HiveCompatiblePartitions"), "PerHourPartition",
        doc_flag(options, "PerHourPartition"), "Tags", tags, "_kind", of);
}

static bool is_same(const json_t *left, const json_t *right)
{
    static const char *const members[] = {"TrafficType", "LogDestination", "LogFormat",
                                          "MaxAggregationInterval", "DestinationOptions"};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (!json_equal(json_object_get(left, members[i]), json_object_get(right, members[i])))
            return false;
    return true;
}

static int refuse_same(struct err *err)
{
    return err_aws(err, "FlowLogAlreadyExists",
                   "Error. There is an existing Flow Log with the same configuration and log "
                   "destination.");
}

static int create(struct call *call, const char *of, json_t *document, json_t *ids, struct err *err)
{
    const char *resource = ec2_text(document, "ResourceId");
    char id[32];
    int count = 0;
    if (!ec2_find(call, of, resource, err))
        return -1;
    store_each (cursor, call->store, kind, call->region) {
        if (!doc_is(cursor.doc, "ResourceId", resource))
            continue;
        if (is_same(cursor.doc, document))
            return refuse_same(err);
        if (++count >= LOGS_PER_RESOURCE_MAX)
            return err_aws(err, "FlowLogsLimitExceeded",
                           "You have reached the maximum number of flow logs for %s", resource);
    }
    call_make_id(call, "fl", id);
    json_object_set_new(document, "FlowLogId", json_string(id));
    json_array_append_new(ids, json_string(id));
    txn_put(call->txn, kind, call->region, id, json_incref(document));
    return 0;
}

/* Its first log is not in the store yet: the limits know nothing of it. */
static bool is_named_before(const json_t *resources, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (json_equal(json_array_get(resources, i), json_array_get(resources, index)))
            return true;
    return false;
}

static void add_unsuccessful(json_t *list, const char *id, const struct err *failure)
{
    json_array_append_new(list, json_pack("{s:s, s:{s:s, s:s}}", "ResourceId", id, "Error", "Code",
                                          failure->code, "Message", failure->text));
}

/* What no flow log can be, whatever else the request says. */
static int check_support(const struct call *call, const char *type, struct err *err)
{
    const char *destination = ec2_text(call->in, "LogDestinationType");
    if (!destination || strcmp(destination, "s3"))
        return err_aws(err, "UnsupportedOperation",
                       "Pileus has no destination %s for flow logs; LogDestinationType s3 works",
                       destination ? destination : "cloud-watch-logs");
    if (!kind_of(type))
        return err_aws(err, "UnsupportedOperation", "Pileus has no flow logs of %s", type);
    if (!call->world->packet_log)
        return err_aws(err, "UnsupportedOperation",
                       "The kernel of this machine cannot log packets, which flow logs are made "
                       "of: load its modules nft_log and nfnetlink_log and start Pileus again");
    return 0;
}

/* Each resource that can have one gets its log; the others are told of. */
int ec2_CreateFlowLogs(struct call *call, struct err *err)
{
    const char *type = ec2_required(call, "ResourceType", err);
    if (!type || check_support(call, type, err) < 0)
        return -1;
    if (call_accept(call->in,
                    "ResourceIds ResourceType TrafficType LogDestinationType LogDestination "
                    "LogFormat MaxAggregationInterval DestinationOptions TagSpecifications",
                    err) < 0)
        return -1;
    if (!ec2_required(call, "TrafficType", err) || check_destination(call, err) < 0 ||
        check_options(call, err) < 0)
        return -1;
    const json_t *resources = json_object_get(call->in, "ResourceIds"), *item;
    if (json_array_size(resources) > RESOURCES_MAX)
        return err_aws(err, "InvalidParameterValue", "More than %d resources were given",
                       RESOURCES_MAX);
    json_auto_t *tags = ec2_tags_on_creation(call, "vpc-flow-log", "vpc-flow-log", err);
    if (!tags)
        return -1;
    json_t *ids = json_array(), *unsuccessful = json_array();
    json_object_set_new(call->out, "FlowLogIds", ids);
    json_object_set_new(call->out, "Unsuccessful", unsuccessful);
    size_t i;
    json_array_foreach (resources, i, item) {
        struct err failure = {0};
        const char *resource = json_string_value(item);
        json_auto_t *document = make_document(call, resource, kind_of(type), tags);
        if ((is_named_before(resources, i)
                 ? refuse_same(&failure)
                 : create(call, kind_of(type), document, ids, &failure)) < 0)
            add_unsuccessful(unsuccessful, resource, &failure);
    }
    const char *token = ec2_text(call->in, "ClientToken");
    if (token)
        json_object_set_new(call->out, "ClientToken", json_string(token));
    return 0;
}

/* ---- the others ---- */

int ec2_DeleteFlowLogs(struct call *call, struct err *err)
{
    json_t *unsuccessful = json_array();
    size_t i;
    const json_t *item;
    json_object_set_new(call->out, "Unsuccessful", unsuccessful);
    if (call_accept(call->in, "FlowLogIds", err) < 0)
        return -1;
    json_array_foreach (json_object_get(call->in, "FlowLogIds"), i, item) {
        struct err failure = {0};
        const char *id = json_string_value(item);
        if (ec2_find(call, kind, id, &failure))
            txn_delete(call->txn, kind, call->region, id);
        else
            add_unsuccessful(unsuccessful, id, &failure);
    }
    return 0;
}

int ec2_DescribeFlowLogs(struct call *call, struct err *err)
{
    static const struct ec2_filter filters[] = {
        {"deliver-log-status", "DeliverLogsStatus"},
        {"log-destination-type", "LogDestinationType"},
        {"flow-log-id", "FlowLogId"},
        {"log-group-name", "LogGroupName"},
        {"resource-id", "ResourceId"},
        {"traffic-type", "TrafficType"},
        {NULL, NULL},
    };
    static const struct ec2_describe describe = {
        .kind = kind,
        .list = "FlowLogs",
        .selectors = {{"FlowLogIds", "FlowLogId", kind}},
        .filters = filters,
        .filters_in = "Filter",
    };
    if (call_accept(call->in, "Filter FlowLogIds MaxResults NextToken", err) < 0)
        return -1;
    return ec2_describe(call, &describe, err);
}
