/* Flow logs: what a request may ask for, and what is remembered. */
#include "service_fixture.h"

#include "service/ec2/flow_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct service_fixture *f;
static char vpc[32];

static int setup(void **state)
{
    (void)state;
    f = fixture_create();
    json_t *out = fixture_ok(f, "ec2", "CreateVpc", "{'CidrBlock': '10.0.0.0/16'}");
    snprintf(vpc, sizeof vpc, "%s", fixture_text(out, "Vpc.VpcId"));
    json_decref(out);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_destroy(f);
    return 0;
}

/* Of the VPC, with more members. */
static json_t *create(const char *more)
{
    return fixture_ok(f, "ec2", "CreateFlowLogs",
                      "{'ResourceIds': ['%s'], 'ResourceType': 'VPC', 'TrafficType': 'ALL', "
                      "'LogDestinationType': 's3', 'LogDestination': 'arn:aws:s3:::flows'%s}",
                      vpc, more);
}

static void check_refused(const char *code, const char *members)
{
    fixture_fails(f, code, "ec2", "CreateFlowLogs",
                  "{'ResourceIds': ['%s'], 'ResourceType': 'VPC'%s}", vpc, members);
}

static void a_log_has_awss_defaults_and_tags(void **state)
{
    (void)state;
    json_t *out = create(", 'TagSpecifications': [{'ResourceType': 'vpc-flow-log', "
                         "'Tags': [{'Key': 'a', 'Value': 'b'}]}]");
    assert_int_equal(strncmp(fixture_text(out, "FlowLogIds.0"), "fl-", 3), 0);
    json_decref(out);
    out = fixture_ok(f, "ec2", "DescribeFlowLogs",
                     "{'Filter': [{'Name': 'resource-id', 'Values': ['%s']}]}", vpc);
    assert_string_equal(fixture_text(out, "FlowLogs.0.FlowLogStatus"), "ACTIVE");
    assert_string_equal(fixture_text(out, "FlowLogs.0.Tags.0.Key"), "a");
    assert_string_equal(
        fixture_text(out, "FlowLogs.0.LogFormat"),
        "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} "
        "${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status}");
    const json_t *log = json_array_get(json_object_get(out, "FlowLogs"), 0);
    assert_int_equal(json_integer_value(json_object_get(log, "MaxAggregationInterval")), 600);
    json_decref(out);
}

static void what_cannot_have_a_log_is_told_of(void **state)
{
    (void)state;
    json_decref(create(""));
    json_t *out = create("");
    assert_string_equal(fixture_text(out, "Unsuccessful.0.Error.Code"), "FlowLogAlreadyExists");
    json_decref(out);
    json_decref(create(", 'MaxAggregationInterval': 60"));
    out = create(", 'LogFormat': '${start}'");
    assert_string_equal(fixture_text(out, "Unsuccessful.0.Error.Code"), "FlowLogsLimitExceeded");
    json_decref(out);
    out = fixture_ok(f, "ec2", "CreateFlowLogs",
                     "{'ResourceIds': ['subnet-0123456789abcdef0'], 'ResourceType': 'Subnet', "
                     "'TrafficType': 'ALL', 'LogDestinationType': 's3', "
                     "'LogDestination': 'arn:aws:s3:::flows'}");
    assert_string_equal(fixture_text(out, "Unsuccessful.0.Error.Code"), "InvalidSubnetID.NotFound");
    json_decref(out);
    out = fixture_ok(f, "ec2", "DeleteFlowLogs", "{'FlowLogIds': ['fl-0123456789abcdef0']}");
    assert_string_equal(fixture_text(out, "Unsuccessful.0.Error.Code"),
                        "InvalidFlowLogId.NotFound");
    json_decref(out);
}

static void a_resource_that_is_named_twice_gets_one_log(void **state)
{
    (void)state;
    json_t *out = fixture_ok(f, "ec2", "CreateFlowLogs",
                             "{'ResourceIds': ['%s', '%s'], 'ResourceType': 'VPC', "
                             "'TrafficType': 'ALL', 'LogDestinationType': 's3', "
                             "'LogDestination': 'arn:aws:s3:::flows'}",
                             vpc, vpc);
    assert_int_equal(json_array_size(json_object_get(out, "FlowLogIds")), 1);
    assert_string_equal(fixture_text(out, "Unsuccessful.0.Error.Code"), "FlowLogAlreadyExists");
    json_decref(out);
}

static void bad_requests_are_refused(void **state)
{
    (void)state;
#define TO_S3 ", 'TrafficType': 'ALL', 'LogDestinationType': 's3'"
    check_refused("MissingParameter", ", 'LogDestinationType': 's3'");
    check_refused("UnsupportedOperation", ", 'TrafficType': 'ALL'");
    check_refused("UnsupportedOperation",
                  ", 'TrafficType': 'ALL', 'LogDestinationType': 'cloud-watch-logs', "
                  "'LogGroupName': 'flows', 'DeliverLogsPermissionArn': 'arn:aws:iam::1:role/x'");
    check_refused("UnsupportedOperation",
                  ", 'TrafficType': 'ALL', 'LogDestinationType': 'kinesis-data-firehose'");
    check_refused("MissingParameter", TO_S3);
#define TO_FLOWS TO_S3 ", 'LogDestination': 'arn:aws:s3:::flows'"
    check_refused("InvalidParameterValue", TO_FLOWS ", 'TrafficType': 'SOME'");
    check_refused("InvalidParameter", TO_FLOWS ", 'MaxAggregationInterval': 61");
    check_refused("InvalidParameter", TO_FLOWS ", 'LogFormat': '${nothing}'");
    check_refused("InvalidParameter", TO_FLOWS ", 'LogFormat': 'start'");
    check_refused("InvalidParameter", TO_FLOWS ", 'LogFormat': '${start}${end}'");
    check_refused("InvalidParameter", TO_FLOWS ", 'LogFormat': '${start}  ${end}'");
    check_refused("InvalidParameter", TO_FLOWS ", 'LogFormat': '${start} '");
    check_refused("UnsupportedOperation", TO_FLOWS ", 'LogFormat': '${instance-tag}'");
    check_refused("InvalidParameter", TO_FLOWS ", 'LogDestination': 'arn:aws:s3:::../x'");
    check_refused("UnsupportedOperation", TO_FLOWS ", 'DeliverCrossAccountRole': 'arn:aws:x'");
    check_refused("UnsupportedOperation", TO_FLOWS ", 'LogFormat': '${traffic-path}'");
    check_refused("UnsupportedOperation",
                  TO_FLOWS ", 'DestinationOptions': {'FileFormat': 'parquet'}");
    json_t *out = fixture_ok(f, "ec2", "DescribeFlowLogs", "{}");
    assert_int_equal(json_array_size(json_object_get(out, "FlowLogs")), 0);
    json_decref(out);
}

static void a_destination_leads_nowhere_else(void **state)
{
    static const char *const bad[] = {
        "flows",
        "arn:aws:s3:::",
        "arn:aws:s3:::ab",
        "arn:aws:s3:::../x",
        "arn:aws:s3:::Bucket",
        "arn:aws:s3:::flows/../x",
        "arn:aws:s3:::flows/./",
        "arn:aws:s3:::flows//x",
        "arn:aws:s3:::flows//",
        "arn:aws:s3:::flows/a b",
        "arn:aws:s3:::flows/AWSLogs/",
        "arn:aws:s3:::.pending/x",
        "arn:aws:s3:::flows..x",
    };
    char folder[EC2_FLOW_LOG_FOLDER_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(ec2_flow_log_folder(bad[i], folder));
    assert_true(ec2_flow_log_folder("arn:aws:s3:::flows", folder));
    assert_string_equal(folder, "flows/");
    assert_true(ec2_flow_log_folder("arn:aws:s3:::flows/a/b.c/", folder));
    assert_string_equal(folder, "flows/a/b.c/");
    assert_true(ec2_flow_log_folder("arn:aws:s3:::flows/", folder));
    assert_string_equal(folder, "flows/");
    char arn[1200];
    snprintf(arn, sizeof arn, "arn:aws:s3:::flows/%0600d", 0);
    assert_false(ec2_flow_log_folder(arn, folder));
}

static void a_kernel_that_cannot_log_packets_has_no_flow_logs(void **state)
{
    (void)state;
    f->world.packet_log = false;
    check_refused("UnsupportedOperation", TO_FLOWS);
}

/* Logs of a dozen interfaces, a page at a time, and by what they are. */
static void logs_are_described_in_pages_and_by_filters(void **state)
{
    char token[512] = "";
    size_t seen = 0;
    (void)state;
    json_decref(create(""));
    json_t *subnet =
        fixture_ok(f, "ec2", "CreateSubnet", "{'VpcId': '%s', 'CidrBlock': '10.0.1.0/24'}", vpc);
    for (int i = 0; i < 6; i++) {
        json_t *interface = fixture_ok(f, "ec2", "CreateNetworkInterface", "{'SubnetId': '%s'}",
                                       fixture_text(subnet, "Subnet.SubnetId"));
        json_decref(fixture_ok(
            f, "ec2", "CreateFlowLogs",
            "{'ResourceIds': ['%s'], 'ResourceType': 'NetworkInterface', 'TrafficType': 'REJECT', "
            "'LogDestinationType': 's3', 'LogDestination': 'arn:aws:s3:::flows'}",
            fixture_text(interface, "NetworkInterface.NetworkInterfaceId")));
        json_decref(interface);
    }
    json_decref(subnet);
    do {
        json_t *page = *token ? fixture_ok(f, "ec2", "DescribeFlowLogs",
                                           "{'MaxResults': 5, 'NextToken': '%s'}", token)
                              : fixture_ok(f, "ec2", "DescribeFlowLogs", "{'MaxResults': 5}");
        seen += json_array_size(json_object_get(page, "FlowLogs"));
        const char *next = json_string_value(json_object_get(page, "NextToken"));
        snprintf(token, sizeof token, "%s", next ? next : "");
        json_decref(page);
    } while (*token);
    assert_int_equal(seen, 7);
    json_t *out = fixture_ok(f, "ec2", "DescribeFlowLogs",
                             "{'Filter': [{'Name': 'traffic-type', 'Values': ['REJECT']}]}");
    assert_int_equal(json_array_size(json_object_get(out, "FlowLogs")), 6);
    json_decref(out);
    fixture_fails(f, "InvalidFlowLogId.NotFound", "ec2", "DescribeFlowLogs",
                  "{'FlowLogIds': ['fl-0123456789abcdef0']}");
}

static void a_log_can_be_tagged_and_deleted(void **state)
{
    (void)state;
    json_t *made = create("");
    const char *id = fixture_text(made, "FlowLogIds.0");
    json_decref(fixture_ok(f, "ec2", "CreateTags",
                           "{'Resources': ['%s'], 'Tags': [{'Key': 'a', 'Value': 'b'}]}", id));
    json_t *out = fixture_ok(f, "ec2", "DescribeFlowLogs",
                             "{'Filter': [{'Name': 'tag:a', 'Values': ['b']}]}");
    assert_string_equal(fixture_text(out, "FlowLogs.0.FlowLogId"), id);
    json_decref(out);
    out = fixture_ok(f, "ec2", "DescribeTags",
                     "{'Filters': [{'Name': 'resource-type', 'Values': ['vpc-flow-log']}]}");
    assert_string_equal(fixture_text(out, "Tags.0.ResourceId"), id);
    json_decref(out);
    json_decref(fixture_ok(f, "ec2", "DeleteFlowLogs", "{'FlowLogIds': ['%s']}", id));
    out = fixture_ok(f, "ec2", "DescribeFlowLogs", "{}");
    assert_int_equal(json_array_size(json_object_get(out, "FlowLogs")), 0);
    json_decref(out);
    json_decref(made);
}

static void the_version_is_that_of_the_youngest_field(void **state)
{
    struct ec2_flow_format format;
    struct err err;
    (void)state;
    assert_int_equal(ec2_flow_format_read("${version} ${start}", &format, &err), 0);
    assert_int_equal(format.version, 2);
    assert_int_equal(ec2_flow_format_read("${az-id} ${flow-direction} ${vpc-id}", &format, &err),
                     0);
    assert_int_equal(format.version, 5);
    assert_int_equal(format.count, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_log_has_awss_defaults_and_tags),
        TEST(what_cannot_have_a_log_is_told_of),
        TEST(a_resource_that_is_named_twice_gets_one_log),
        TEST(bad_requests_are_refused),
        TEST(a_destination_leads_nowhere_else),
        TEST(a_kernel_that_cannot_log_packets_has_no_flow_logs),
        TEST(logs_are_described_in_pages_and_by_filters),
        TEST(a_log_can_be_tagged_and_deleted),
        TEST(the_version_is_that_of_the_youngest_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
