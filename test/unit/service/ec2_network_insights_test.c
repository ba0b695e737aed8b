/* The Reachability Analyzer: paths, and what analyses of them find. */
#include "service_fixture.h"

#include "service/doc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct service_fixture *f;
static char instance[32], interface[32], gateway[32], group[32];

/* Copies the text at a path of an output; releases the output. */
static void keep(json_t *out, const char *path, char ret[32])
{
    snprintf(ret, 32, "%s", fixture_text(out, path));
    json_decref(out);
}

static void set_running(void)
{
    auto_txn *txn = txn_begin(f->store);
    json_t *doc = txn_edit(txn, "instance", f->region, instance);
    json_object_set_new(json_object_get(doc, "State"), "Name", json_string("running"));
    assert_int_equal(txn_commit(txn, &f->err), 0);
    txn = NULL;
}

/* A public instance of the default VPC, whose group lets nobody in from outside. */
static int setup(void **state)
{
    char image[32];
    (void)state;
    f = fixture_create();
    keep(fixture_ok(f, "ssm", "GetParameter",
                    "{'Name': '/aws/service/ami-amazon-linux-latest/"
                    "al2023-ami-kernel-default-x86_64'}"),
         "Parameter.Value", image);
    keep(fixture_ok(f, "ec2", "DescribeInternetGateways", "{}"),
         "InternetGateways.0.InternetGatewayId", gateway);
    json_t *out = fixture_ok(
        f, "ec2", "RunInstances",
        "{'ImageId': '%s', 'InstanceType': 't3.micro', 'MinCount': 1, 'MaxCount': 1}", image);
    snprintf(interface, sizeof interface, "%s",
             fixture_text(out, "Instances.0.NetworkInterfaces.0.NetworkInterfaceId"));
    snprintf(group, sizeof group, "%s", fixture_text(out, "Instances.0.SecurityGroups.0.GroupId"));
    keep(out, "Instances.0.InstanceId", instance);
    set_running();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_destroy(f);
    return 0;
}

static void path_from_the_internet(char ret[32])
{
    keep(fixture_ok(f, "ec2", "CreateNetworkInsightsPath",
                    "{'Source': '%s', 'Destination': '%s', 'Protocol': 'TCP', 'DestinationPort': "
                    "22, 'ClientToken': 'a', 'TagSpecifications': [{'ResourceType': "
                    "'network-insights-path', 'Tags': [{'Key': 'Name', 'Value': 'ssh'}]}]}",
                    gateway, instance),
         "NetworkInsightsPath.NetworkInsightsPathId", ret);
}

/* Starts an analysis with more members, and returns what is found; released by the caller. */
static json_t *analyse(const char *path, const char *more)
{
    char id[32];
    json_t *out = fixture_ok(f, "ec2", "StartNetworkInsightsAnalysis",
                             "{'NetworkInsightsPathId': '%s', 'ClientToken': 'a'%s}", path, more);
    assert_string_equal(fixture_text(out, "NetworkInsightsAnalysis.Status"), "running");
    keep(out, "NetworkInsightsAnalysis.NetworkInsightsAnalysisId", id);
    return fixture_ok(f, "ec2", "DescribeNetworkInsightsAnalyses",
                      "{'NetworkInsightsAnalysisIds': ['%s']}", id);
}

static const char *found(const json_t *out)
{
    return fixture_text(out, "NetworkInsightsAnalyses.0.NetworkPathFound");
}

static void let_ssh_in(void)
{
    json_decref(fixture_ok(f, "ec2", "AuthorizeSecurityGroupIngress",
                           "{'GroupId': '%s', 'IpPermissions': [{'IpProtocol': 'tcp', 'FromPort': "
                           "22, 'ToPort': 22, 'IpRanges': [{'CidrIp': '0.0.0.0/0'}]}]}",
                           group));
}

static void test_an_analysis_explains_what_stops_a_path(void **state)
{
    char path[32];
    (void)state;
    path_from_the_internet(path);
    json_t *out = analyse(path, "");
    static const char first[] = "NetworkInsightsAnalyses.0.Explanations.0";
    const json_t *explanation = fixture_at(out, first);
    assert_string_equal(found(out), "false");
    assert_string_equal(doc_text(explanation, "ExplanationCode"), "ENI_SG_RULES_MISMATCH");
    assert_string_equal(doc_text(explanation, "Direction"), "ingress");
    assert_string_equal(fixture_text(explanation, "SecurityGroups.0.Id"), group);
    json_decref(out);
    let_ssh_in();
    out = analyse(path, "");
    assert_string_equal(found(out), "true");
    assert_string_equal(
        fixture_text(out, "NetworkInsightsAnalyses.0.ForwardPathComponents.0.Component.Id"),
        gateway);
    assert_true(json_array_size(fixture_at(out, "NetworkInsightsAnalyses.0.ReturnPathComponents")) >
                2);
    json_decref(out);
}

static void test_filters_name_what_a_path_must_and_must_not_pass(void **state)
{
    char path[32], more[160];
    (void)state;
    path_from_the_internet(path);
    let_ssh_in();
    snprintf(more, sizeof more,
             ", 'FilterInArns': ['arn:aws:ec2:us-east-1:000000000000:network-interface/%s']",
             interface);
    json_t *out = analyse(path, more);
    assert_string_equal(found(out), "true");
    json_decref(out);
    snprintf(more, sizeof more,
             ", 'FilterOutArns': ['arn:aws:ec2:us-east-1:000000000000:internet-gateway/%s']",
             gateway);
    out = analyse(path, more);
    assert_string_equal(found(out), "false");
    assert_string_equal(
        fixture_text(out, "NetworkInsightsAnalyses.0.Explanations.0.ExplanationCode"),
        "COMPONENT_FILTER_RESTRICTION");
    json_decref(out);
}

static void test_an_end_that_is_gone_leaves_no_path(void **state)
{
    char path[32];
    (void)state;
    path_from_the_internet(path);
    auto_txn *txn = txn_begin(f->store);
    txn_delete(txn, "instance", f->region, instance);
    assert_int_equal(txn_commit(txn, &f->err), 0);
    txn = NULL;
    json_t *out = analyse(path, "");
    assert_string_equal(
        fixture_text(out, "NetworkInsightsAnalyses.0.Explanations.0.ExplanationCode"),
        "NO_SOURCE_OR_DESTINATION");
    json_decref(out);
}

static void test_paths_are_described_and_deleted_after_their_analyses(void **state)
{
    char path[32], analysis[32];
    (void)state;
    path_from_the_internet(path);
    json_t *out = fixture_ok(f, "ec2", "DescribeNetworkInsightsPaths",
                             "{'Filters': [{'Name': 'source', 'Values': ['%s']}, {'Name': "
                             "'tag:Name', 'Values': ['ssh']}]}",
                             gateway);
    assert_string_equal(fixture_text(out, "NetworkInsightsPaths.0.NetworkInsightsPathId"), path);
    assert_non_null(strstr(fixture_text(out, "NetworkInsightsPaths.0.SourceArn"), gateway));
    json_decref(out);
    json_decref(analyse(path, ""));
    fixture_fails(f, "AnalysisExistsForNetworkInsightsPath", "ec2", "DeleteNetworkInsightsPath",
                  "{'NetworkInsightsPathId': '%s'}", path);
    out = fixture_ok(f, "ec2", "DescribeNetworkInsightsAnalyses",
                     "{'NetworkInsightsPathId': '%s', 'Filters': [{'Name': 'path-found', 'Values': "
                     "['false']}]}",
                     path);
    keep(out, "NetworkInsightsAnalyses.0.NetworkInsightsAnalysisId", analysis);
    json_decref(fixture_ok(f, "ec2", "DeleteNetworkInsightsAnalysis",
                           "{'NetworkInsightsAnalysisId': '%s'}", analysis));
    json_decref(
        fixture_ok(f, "ec2", "DeleteNetworkInsightsPath", "{'NetworkInsightsPathId': '%s'}", path));
    fixture_fails(f, "InvalidNetworkInsightsPathId.NotFound", "ec2", "StartNetworkInsightsAnalysis",
                  "{'NetworkInsightsPathId': '%s', 'ClientToken': 'b'}", path);
    fixture_fails(f, "InvalidNetworkInsightsAnalysisId.NotFound", "ec2",
                  "DeleteNetworkInsightsAnalysis", "{'NetworkInsightsAnalysisId': '%s'}", analysis);
}

static void refuses(const char *code, const char *members)
{
    fixture_fails(f, code, "ec2", "CreateNetworkInsightsPath",
                  "{'Source': '%s', 'Protocol': 'tcp', 'ClientToken': 'a', %s}", instance, members);
}

static void test_a_path_that_makes_no_sense_is_refused(void **state)
{
    (void)state;
    refuses("MissingParameter", "'DestinationPort': 22");
    refuses("UnsupportedOperation", "'DestinationIp': '172.31.0.9'");
    refuses("UnsupportedOperation", "'Destination': 'pcx-0123456789abcdef0', 'DestinationPort': 1");
    refuses("UnsupportedOperation",
            "'Destination': 'arn:aws:ec2:eu-west-1:000000000000:instance/i-0123456789abcdef0', "
            "'DestinationPort': 1");
    refuses("InvalidInstanceID.NotFound",
            "'Destination': 'i-0123456789abcdef0', 'DestinationPort': 1");
    refuses("InvalidParameterCombination",
            "'DestinationPort': 1, 'FilterAtSource': {'DestinationAddress': '172.31.0.9'}");
    refuses("UnsupportedOperation",
            "'FilterAtSource': {'DestinationAddress': '172.31.0.9', 'DestinationPortRange': "
            "{'FromPort': 1, 'ToPort': 2}}");
    refuses("UnsupportedOperation",
            "'DestinationIp': '172.31.0.9', 'DestinationPort': 1, 'FilterAtDestination': "
            "{'SourceAddress': '172.31.0.9'}");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_an_analysis_explains_what_stops_a_path),
        T(test_filters_name_what_a_path_must_and_must_not_pass),
        T(test_an_end_that_is_gone_leaves_no_path),
        T(test_paths_are_described_and_deleted_after_their_analyses),
        T(test_a_path_that_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
