/* Flow logs: what becomes of flows, and where files appear. */
#include "control/control_impl.h"
#include "service/doc.h"
#include "service/ec2/flow_log.h"
#include "simulated_cloud.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

enum { MINUTE = 60 * 1000, A = 10 << 24 | 5, B = 10 << 24 | 6, SECONDARY = 10 << 24 | 9 };
#define START_MS (INT64_C(1795000200000))

static char root[64], found[512];
static int found_count;

static int note(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)place;
    if (type == FTW_F && strstr(path, ".log.gz")) {
        snprintf(found, sizeof found, "%s", path + strlen(root) + 1);
        found_count++;
    }
    return 0;
}

static int count_files(void)
{
    found_count = 0;
    nftw(root, note, 16, FTW_PHYS);
    return found_count;
}

/* The text of the only file. */
static const char *read_text(void)
{
    static char text[65536];
    char path[600];
    assert_int_equal(count_files(), 1);
    snprintf(path, sizeof path, "%s/%s", root, found);
    gzFile in = gzopen(path, "r");
    assert_non_null(in);
    int size = gzread(in, text, sizeof text - 1);
    assert_true(size >= 0);
    text[size] = 0;
    gzclose(in);
    return text;
}

static void check_text(const char *expected)
{
    assert_string_equal(read_text(), expected);
}

static void put(struct simulated_cloud *cloud, const char *kind, const char *id, json_t *doc)
{
    struct err err;
    struct txn *txn = txn_begin(cloud->store);
    txn_put(txn, kind, "us-east-1", id, doc);
    assert_int_equal(txn_commit(txn, &err), 0);
}

static json_t *interface(const char *id, const char *address)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "NetworkInterfaceId", id, "PrivateIpAddress",
                     address, "SubnetId", "subnet-1", "VpcId", "vpc-1", "Status", "in-use");
}

static json_t *flow_log(const struct simulated_cloud *cloud, const char *id, const char *kind,
                        const char *resource, const char *format)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:f, s:s, s:{s:b, s:b}}", "FlowLogId", id,
                     "ResourceId", resource, "TrafficType", "ALL", "DeliverLogsStatus", "SUCCESS",
                     "LogDestination", "arn:aws:s3:::flows/x", "LogFormat", format, "CreationTime",
                     (double)cloud->now_ms / 1000, "_kind", kind, "DestinationOptions",
                     "HiveCompatiblePartitions", 0, "PerHourPartition", 0);
}

static void begin(struct simulated_cloud *cloud, json_t *log)
{
    put(cloud, EC2_FLOW_LOG, json_string_value(json_object_get(log, "FlowLogId")), log);
    flow_logs_controller.run(cloud->control);
}

/* A flow log "fl-1" of the subnet. */
static void put_log(struct simulated_cloud *cloud, const char *traffic, const char *format)
{
    json_t *log = flow_log(cloud, "fl-1", "subnet", "subnet-1", format);
    json_object_set_new(log, "TrafficType", json_string(traffic));
    begin(cloud, log);
}

static const json_t *stored(const struct simulated_cloud *cloud)
{
    return store_get(cloud->store, EC2_FLOW_LOG, "us-east-1", "fl-1");
}

static void delete_log(struct simulated_cloud *cloud)
{
    struct err err;
    struct txn *txn = txn_begin(cloud->store);
    txn_delete(txn, EC2_FLOW_LOG, "us-east-1", "fl-1");
    assert_int_equal(txn_commit(txn, &err), 0);
    flow_logs_controller.run(cloud->control);
}

static int raise_cloud(void **state)
{
    struct simulated_cloud *cloud = cloud_create(1);
    snprintf(root, sizeof root, "/tmp/flow-logs-XXXXXX");
    assert_non_null(mkdtemp(root));
    cloud->world.flow_log_dir = root;
    cloud->service.packet_log = true;
    cloud->now_ms = START_MS;
    put(cloud, "vpc", "vpc-1", json_pack("{s:s}", "VpcId", "vpc-1"));
    put(cloud, "subnet", "subnet-1", json_pack("{s:s}", "AvailabilityZoneId", "use1-az1"));
    put(cloud, "network-interface", "eni-a", interface("eni-a", "10.0.0.5"));
    put(cloud, "network-interface", "eni-b", interface("eni-b", "10.0.0.6"));
    *state = cloud;
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

static int strike_cloud(void **state)
{
    cloud_destroy(*state);
    nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}

static void receive(struct simulated_cloud *cloud, const struct flow *flow, bool incomplete)
{
    struct {
        struct message_flows head;
        struct flow flow;
    } message = {.head = {.vpc = "vpc-1", .count = flow ? 1 : 0, .incomplete = incomplete}};
    if (flow)
        message.flow = *flow;
    flow_logs_controller.receive(cloud->control, MESSAGE_FLOWS, &message,
                                 sizeof message.head + (flow ? sizeof *flow : 0));
}

static void pass(struct simulated_cloud *cloud, int ms)
{
    cloud->now_ms += ms;
    flow_logs_controller.run(cloud->control);
}

static const struct flow accepted = {.interface = "eni-a",
                                     .source = SECONDARY,
                                     .destination = B,
                                     .source_port = 1000,
                                     .destination_port = 80,
                                     .protocol = 6,
                                     .direction = DIRECTION_EGRESS,
                                     .action = ACTION_ALLOW,
                                     .tcp_flags = 2,
                                     .packets = 2,
                                     .bytes = 100};
static const struct flow rejected = {.interface = "eni-b",
                                     .source = A,
                                     .destination = B,
                                     .protocol = 1,
                                     .direction = DIRECTION_INGRESS,
                                     .action = ACTION_DENY,
                                     .packets = 1,
                                     .bytes = 84};
#define SHORT "${interface-id} ${action} ${packets} ${log-status}"

static void a_flow_is_one_line_an_interval_in_awss_layout(void **state)
{
    struct simulated_cloud *cloud = *state;
    put_log(cloud, "ALL",
            "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} "
            "${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status} "
            "${pkt-srcaddr} ${tcp-flags} ${flow-direction} ${az-id} ${instance-id} ${ecs-task-id}");
    receive(cloud, &accepted, false);
    cloud->now_ms += 2000;
    receive(cloud, &accepted, false);
    receive(cloud, &rejected, false);
    pass(cloud, MINUTE);
    assert_int_equal(count_files(), 0);
    struct flow last = accepted;
    last.interface[0] = 0; /* of an interface that is gone */
    receive(cloud, &last, false);
    pass(cloud, 4 * MINUTE);
    static const char path[] = "flows/x/AWSLogs/000000000000/vpcflowlogs/us-east-1/2026/11/18/"
                               "000000000000_vpcflowlogs_us-east-1_fl-1_20261118T1115Z_";
    check_text("version account-id interface-id srcaddr dstaddr srcport dstport protocol packets "
               "bytes start end action log-status pkt-srcaddr tcp-flags flow-direction az-id "
               "instance-id ecs-task-id\n"
               "7 000000000000 eni-a 10.0.0.5 10.0.0.6 1000 80 6 4 200 1795000200 1795000202 "
               "ACCEPT OK 10.0.0.9 2 egress use1-az1 - -\n"
               "7 000000000000 eni-b 10.0.0.5 10.0.0.6 0 0 1 1 84 1795000202 1795000202 REJECT OK "
               "10.0.0.5 0 ingress use1-az1 - -\n"
               "7 000000000000 eni-a - - - - - - - 1795000260 1795000320 - NODATA - - - use1-az1 "
               "- -\n"
               "7 000000000000 eni-b - - - - - - - 1795000260 1795000320 - NODATA - - - use1-az1 "
               "- -\n");
    assert_memory_equal(found, path, sizeof path - 1);
    assert_int_equal(strlen(found), sizeof path - 1 + 8 + strlen(".log.gz"));
}

static void folders_are_as_the_destinations_options_say(void **state)
{
    static const char path[] =
        "flows/x/AWSLogs/aws-account-id=000000000000/aws-service=vpcflowlogs/"
        "aws-region=us-east-1/year=2026/month=11/day=18/hour=11/000000000000_vpcflowlogs_";
    struct simulated_cloud *cloud = *state;
    json_t *log = flow_log(cloud, "fl-1", "subnet", "subnet-1", SHORT);
    json_object_set_new(
        log, "DestinationOptions",
        json_pack("{s:b, s:b}", "HiveCompatiblePartitions", 1, "PerHourPartition", 1));
    begin(cloud, log);
    pass(cloud, 5 * MINUTE);
    assert_int_equal(count_files(), 1);
    assert_memory_equal(found, path, sizeof path - 1);
}

static void a_log_has_what_it_asked_for(void **state)
{
    struct simulated_cloud *cloud = *state;
    put_log(cloud, "ACCEPT", SHORT);
    for (int i = 0; i < 2; i++) {
        receive(cloud, &accepted, false);
        receive(cloud, &rejected, false);
        pass(cloud, MINUTE);
    }
    pass(cloud, 2 * MINUTE);
    delete_log(cloud);
    check_text("interface-id action packets log-status\neni-a ACCEPT 2 OK\neni-a ACCEPT 2 OK\n"
               "eni-a - - NODATA\neni-b - - NODATA\n");
}

/* A flow is kept once, and written for the interface, its subnet and its VPC. */
static void each_log_of_an_interface_has_the_record(void **state)
{
    struct simulated_cloud *cloud = *state;
    begin(cloud, flow_log(cloud, "fl-2", "vpc", "vpc-1", SHORT));
    begin(cloud, flow_log(cloud, "fl-3", "network-interface", "eni-a", SHORT));
    begin(cloud, flow_log(cloud, "fl-4", "network-interface", "eni-a", "${start}"));
    begin(cloud, flow_log(cloud, "fl-5", "network-interface", "eni-b", SHORT));
    put_log(cloud, "ALL", SHORT);
    receive(cloud, &accepted, false);
    pass(cloud, 5 * MINUTE);
    assert_int_equal(count_files(), 5);
}

static void silence_and_gaps_are_said(void **state)
{
    struct simulated_cloud *cloud = *state;
    struct flow more = accepted;
    more.packets = 0; /* of this interface there was more */
    put_log(cloud, "REJECT", SHORT);
    receive(cloud, &rejected, false);
    pass(cloud, MINUTE);
    receive(cloud, NULL, true);
    pass(cloud, MINUTE);
    receive(cloud, &more, false);
    pass(cloud, 3 * MINUTE);
    check_text("interface-id action packets log-status\n"
               "eni-b REJECT 1 OK\neni-a - - NODATA\neni-a - - SKIPDATA\neni-b - - SKIPDATA\n"
               "eni-a - - SKIPDATA\neni-b - - NODATA\n");
}

/* Who begins to count in the middle of an interval says so, to those who were there before. */
static void a_process_that_starts_anew_makes_a_gap(void **state)
{
    struct simulated_cloud *cloud = *state;
    put_log(cloud, "ALL", SHORT);
    pass(cloud, MINUTE / 2);
    flow_logs_controller.peer_started(cloud->control, PROCESS_GUEST);
    cloud->now_ms++;
    begin(cloud, flow_log(cloud, "fl-2", "network-interface", "eni-b", SHORT));
    pass(cloud, MINUTE / 2);
    pass(cloud, MINUTE);
    delete_log(cloud);
    check_text("interface-id action packets log-status\n"
               "eni-a - - SKIPDATA\neni-b - - SKIPDATA\neni-a - - NODATA\neni-b - - NODATA\n");
    pass(cloud, 5 * MINUTE);
    assert_int_equal(count_files(), 2);
}

static void a_new_api_process_says_what_it_did_not_see(void **state)
{
    struct simulated_cloud *cloud = *state;
    struct err err;
    put_log(cloud, "ALL", SHORT);
    receive(cloud, &accepted, false);
    cloud->now_ms += 1000;
    flow_logs_controller.destroy(cloud->control); /* what it has, it writes */
    check_text("interface-id action packets log-status\neni-a ACCEPT 2 OK\n");
    assert_int_equal(nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    assert_int_equal(flow_logs_controller.create(cloud->control, &err), 0);
    flow_logs_controller.run(cloud->control);
    pass(cloud, 5 * MINUTE);
    check_text("interface-id action packets log-status\neni-a - - SKIPDATA\neni-b - - SKIPDATA\n");
}

/* However many flows a guest makes, they are kept for a while only; nothing is lost. */
static void a_flood_of_flows_is_written_early(void **state)
{
    enum { FLOWS = 70000, PORTS = 1000 };
    struct simulated_cloud *cloud = *state;
    struct flow flow = accepted;
    put_log(cloud, "ALL", "${packets}");
    for (uint32_t i = 0; i < FLOWS; i++) {
        flow.destination = B + i / PORTS;
        flow.destination_port = (uint16_t)(i % PORTS);
        receive(cloud, &flow, false);
    }
    pass(cloud, 5 * MINUTE);
    assert_int_equal(count_files(), 1);
    char path[600], line[64];
    snprintf(path, sizeof path, "%s/%s", root, found);
    gzFile in = gzopen(path, "r");
    assert_non_null(in);
    int lines = 0, gaps = 0;
    while (gzgets(in, line, sizeof line)) {
        lines += !strcmp(line, "2\n");
        gaps += !strcmp(line, "-\n");
    }
    gzclose(in);
    assert_int_equal(lines, FLOWS);
    assert_int_equal(gaps, 1); /* eni-b: no data */
}

static void a_deleted_log_ends_with_what_it_has(void **state)
{
    struct simulated_cloud *cloud = *state;
    put_log(cloud, "ALL", SHORT);
    receive(cloud, &accepted, false);
    delete_log(cloud);
    check_text("interface-id action packets log-status\neni-a ACCEPT 2 OK\n");
    receive(cloud, &accepted, false);
    pass(cloud, 10 * MINUTE);
    assert_int_equal(count_files(), 1);
}

static void a_log_goes_with_its_subnet(void **state)
{
    struct simulated_cloud *cloud = *state;
    struct err err;
    put_log(cloud, "ALL", SHORT);
    struct txn *txn = txn_begin(cloud->store);
    txn_delete(txn, "subnet", "us-east-1", "subnet-1");
    assert_int_equal(txn_commit(txn, &err), 0);
    flow_logs_controller.run(cloud->control);
    assert_null(stored(cloud));
}

static void a_log_that_cannot_be_written_says_so_until_it_can(void **state)
{
    char path[128];
    struct simulated_cloud *cloud = *state;
    put_log(cloud, "ALL", SHORT);
    snprintf(path, sizeof path, "%s/.pending", root);
    fclose(fopen(path, "w")); /* where the folder of files that are begun should be */
    receive(cloud, &accepted, false);
    pass(cloud, MINUTE);
    assert_string_equal(doc_text(stored(cloud), "DeliverLogsStatus"), "FAILED");
    assert_string_equal(doc_text(stored(cloud), "DeliverLogsErrorMessage"), "Unknown error");
    unlink(path);
    receive(cloud, &accepted, false);
    pass(cloud, MINUTE);
    assert_string_equal(doc_text(stored(cloud), "DeliverLogsStatus"), "SUCCESS");
    assert_null(json_object_get(stored(cloud), "DeliverLogsErrorMessage"));
    pass(cloud, 3 * MINUTE);
    assert_non_null(strstr(read_text(), "eni-a ACCEPT 2 OK\neni-a - - SKIPDATA\n"));
}

static void without_a_kernel_that_logs_packets_all_is_skipped(void **state)
{
    struct simulated_cloud *cloud = *state;
    cloud->service.packet_log = false;
    put_log(cloud, "ALL", SHORT);
    pass(cloud, 5 * MINUTE);
    check_text("interface-id action packets log-status\neni-a - - SKIPDATA\neni-b - - SKIPDATA\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, raise_cloud, strike_cloud)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_flow_is_one_line_an_interval_in_awss_layout),
        TEST(folders_are_as_the_destinations_options_say),
        TEST(a_log_has_what_it_asked_for),
        TEST(each_log_of_an_interface_has_the_record),
        TEST(silence_and_gaps_are_said),
        TEST(a_process_that_starts_anew_makes_a_gap),
        TEST(a_new_api_process_says_what_it_did_not_see),
        TEST(a_flood_of_flows_is_written_early),
        TEST(a_deleted_log_ends_with_what_it_has),
        TEST(a_log_goes_with_its_subnet),
        TEST(a_log_that_cannot_be_written_says_so_until_it_can),
        TEST(without_a_kernel_that_logs_packets_all_is_skipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
