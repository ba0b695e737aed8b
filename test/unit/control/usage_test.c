/* What is written down of usage while things begin, change and end, and while api restarts. */
#include "group_stage.h"

#include "service/billing/usage.h"
#include "service/doc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { HOUR_MS = 60 * MINUTE_MS };

/* Sums what records of an item have used, in units; counts those that are open. */
static double used_of(struct simulated_cloud *cloud, const char *kind, const char *item, int *open)
{
    double sum = 0;
    *open = 0;
    store_each (cursor, cloud->store, kind, cloud->region)
        if (doc_is(cursor.doc, "Item", item)) {
            sum += usage_exact(cursor.doc, cloud->now_ms);
            *open += usage_is_open(cursor.doc);
        }
    return sum;
}

static void assert_instances(struct simulated_cloud *cloud, double hours, int running)
{
    int open;
    double used = used_of(cloud, "usage-instance", "instance:t3.micro", &open);
    assert_float_equal(used, hours, 0.05);
    assert_int_equal(open, running);
}

static void instances_that_are_gone_still_count(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 1, 3, 4, "");
    cloud_run(cloud, HOUR_MS);
    assert_instances(cloud, 3, 3);
    set_desired(cloud, 1);
    cloud_run(cloud, 10 * HOUR_MS); /* the terminated ones are forgotten meanwhile */
    assert_instances(cloud, 3 + 10, 1);
    assert_int_equal(store_count(cloud->store, "instance", cloud->region), 1);
}

static void instances_are_told_by_their_group_and_its_maximum(void **state)
{
    struct simulated_cloud *cloud = *state;
    int open;
    create_group(cloud, 1, 1, 4, "");
    cloud_run(cloud, HOUR_MS);
    store_each (cursor, cloud->store, "usage-instance", cloud->region)
        assert_string_equal(doc_text(cursor.doc, "AutoScalingGroupName"), "g");
    cloud_ok(cloud, "autoscaling", "UpdateAutoScalingGroup",
             "{'AutoScalingGroupName': 'g', 'MaxSize': 2}");
    cloud_run(cloud, HOUR_MS);
    double used = used_of(cloud, "usage-auto-scaling-group", "group-maximum", &open);
    assert_float_equal(used, 4 + 2, 0.1);
}

static void a_stopped_instance_costs_nothing_and_its_volume_goes_on(void **state)
{
    struct simulated_cloud *cloud = *state;
    int open;
    create_group(cloud, 1, 1, 1, "");
    cloud_run(cloud, HOUR_MS);
    cloud_ok(cloud, "autoscaling", "SuspendProcesses", "{'AutoScalingGroupName': 'g'}");
    cloud_ok(cloud, "ec2", "StopInstances", "{'InstanceIds': ['%s']}", instance_id(cloud, 0));
    cloud_run(cloud, HOUR_MS);
    assert_instances(cloud, 1, 0);
    double months = used_of(cloud, "usage-volume", "volume:gp3", &open);
    assert_int_equal(open, 1);
    assert_float_equal(months, 8 * 2.0 / USAGE_MONTH_HOURS, 0.001);
}

static void a_restart_goes_on_with_what_was_open(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 1, 2, 2, "");
    cloud_run(cloud, HOUR_MS);
    cloud_api_restarts(cloud);
    cloud_run(cloud, HOUR_MS);
    assert_instances(cloud, 4, 2);
}

static void time_without_a_daemon_does_not_count(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 1, 2, 2, "");
    cloud_run(cloud, HOUR_MS);
    cloud->now_ms += 8LL * HOUR_MS;
    cloud_api_restarts(cloud);
    cloud_run(cloud, HOUR_MS);
    assert_instances(cloud, 4, 2);
    const json_t *mark = store_get(cloud->store, usage_mark_kind, "", usage_mark_id);
    assert_in_range(doc_number(mark, "_away_ms"), 8 * HOUR_MS, 8 * HOUR_MS + 5 * MINUTE_MS);
}

static void an_address_is_idle_until_it_is_used(void **state)
{
    struct simulated_cloud *cloud = *state;
    int open;
    cloud_ok(cloud, "ec2", "AllocateAddress", "{'Domain': 'vpc'}");
    cloud_run(cloud, HOUR_MS);
    assert_float_equal(used_of(cloud, "usage-address", "ipv4:idle", &open), 1, 0.01);
    assert_int_equal(open, 1);
    assert_float_equal(used_of(cloud, "usage-address", "ipv4:in-use", &open), 0, 0);
}

static void a_load_balancer_is_recorded_until_it_is_deleted(void **state)
{
    struct simulated_cloud *cloud = *state;
    char target_group[256];
    int open;
    create_group(cloud, 1, 1, 1, "");
    attach_balancer(cloud, target_group);
    cloud_run(cloud, 2 * HOUR_MS);
    store_each (cursor, cloud->store, "usage-load-balancer", cloud->region)
        assert_true(usage_is_open(cursor.doc));
    json_auto_t *found = cloud_call(cloud, "elbv2", "DescribeLoadBalancers", "{}");
    const json_t *balancer = json_array_get(json_object_get(found, "LoadBalancers"), 0);
    cloud_ok(cloud, "elbv2", "DeleteLoadBalancer", "{'LoadBalancerArn': '%s'}",
             doc_text(balancer, "LoadBalancerArn"));
    cloud_run(cloud, HOUR_MS);
    double used = used_of(cloud, "usage-load-balancer", "load-balancer", &open);
    assert_float_equal(used, 2, 0.05);
    assert_int_equal(open, 0);
    assert_int_equal(store_count(cloud->store, "usage-load-balancer", cloud->region), 2);
}

static void report_nat_bytes(struct simulated_cloud *cloud, const char *interface, uint64_t bytes)
{
    struct {
        struct message_rows head;
        struct nat_traffic row;
    } message = {{.count = 1}, {.processed_bytes = bytes}};
    snprintf(message.row.interface, sizeof message.row.interface, "%s", interface);
    control_receive(cloud->control, MESSAGE_NAT_TRAFFIC, &message, sizeof message);
    cloud_run(cloud, 6 * MINUTE_MS);
}

static void bytes_of_a_nat_gateway_are_counted_once_also_when_api_or_its_link_restarts(void **state)
{
    struct simulated_cloud *cloud = *state;
    const char *subnet = store_first(cloud->store, "subnet", cloud->region).id;
    int open;
    cloud_ok(cloud, "ec2", "CreateNatGateway", "{'SubnetId': '%s', 'ConnectivityType': 'private'}",
             subnet);
    cloud_run(cloud, MINUTE_MS);
    char interface[ID_SIZE] = "";
    store_each (cursor, cloud->store, "network-interface", cloud->region)
        if (doc_is(cursor.doc, "_kind", "nat"))
            snprintf(interface, sizeof interface, "%s", cursor.id);
    report_nat_bytes(cloud, interface, 3000000000);
    report_nat_bytes(cloud, interface, 4000000000);
    cloud_api_restarts(cloud);
    report_nat_bytes(cloud, interface, 5000000000);
    report_nat_bytes(cloud, interface, 1000000000); /* made anew */
    assert_float_equal(used_of(cloud, "usage-nat-gateway", "nat-bytes", &open), 6, 1e-9);
    assert_int_equal(open, 1);
}

static void a_report_that_claims_more_rows_than_it_has_is_ignored(void **state)
{
    struct simulated_cloud *cloud = *state;
    struct message_rows head = {.count = 1000};
    control_receive(cloud->control, MESSAGE_NAT_TRAFFIC, &head, sizeof head);
    cloud_run(cloud, 6 * MINUTE_MS);
    assert_int_equal(store_count(cloud->store, "usage-nat-gateway", cloud->region), 0);
}

/* Each terminated instance leaves a record, so what has ended is summed up one day. */
static void records_stay_bounded(void **state)
{
    struct simulated_cloud *cloud = *state;
    enum { MANY = 2000 };
    int open;
    create_group(cloud, 1, 1, 1, "");
    struct txn *txn = txn_begin(cloud->store);
    for (int i = 0; i < MANY; i++) {
        char id[32], group[32];
        snprintf(id, sizeof id, "i-%d|instance:t3.micro", i);
        snprintf(group, sizeof group, "gone-%d", i);
        json_t *record = usage_make(id, "instance:t3.micro", i % 2 ? "g" : group);
        usage_begin(record, 1, cloud->now_ms);
        usage_end(record, cloud->now_ms + HOUR_MS);
        txn_put(txn, "usage-instance", cloud->region, id, record);
    }
    assert_int_equal(txn_commit(txn, &cloud->err), 0);
    set_desired(cloud, 1);
    cloud_kill(cloud, cloud_machine(cloud, instance_id(cloud, 0)));
    cloud_run(cloud, 5 * MINUTE_MS);
    assert_in_range(store_count(cloud->store, "usage-instance", cloud->region), 1, 1024);
    double used = used_of(cloud, "usage-instance", "instance:t3.micro", &open);
    assert_float_equal(used, MANY, 1);
    assert_int_equal(open, 1);
    assert_non_null(
        store_get(cloud->store, "usage-instance", cloud->region, "|instance:t3.micro|g"));
    assert_non_null(
        store_get(cloud->store, "usage-instance", cloud->region, "|instance:t3.micro|"));
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, stage_set_up, stage_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGED(instances_that_are_gone_still_count),
        STAGED(instances_are_told_by_their_group_and_its_maximum),
        STAGED(a_stopped_instance_costs_nothing_and_its_volume_goes_on),
        STAGED(a_restart_goes_on_with_what_was_open),
        STAGED(time_without_a_daemon_does_not_count),
        STAGED(an_address_is_idle_until_it_is_used),
        STAGED(a_load_balancer_is_recorded_until_it_is_deleted),
        STAGED(bytes_of_a_nat_gateway_are_counted_once_also_when_api_or_its_link_restarts),
        STAGED(a_report_that_claims_more_rows_than_it_has_is_ignored),
        STAGED(records_stay_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
