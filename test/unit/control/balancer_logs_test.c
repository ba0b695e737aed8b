/* Files of load balancers' logs: where they appear, when, and what survives. */
#include "control/control_impl.h"
#include "control/log_object.h"
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

static const char name[] = "app/web/0123456789abcdef";
enum { MINUTE = 60 * 1000, NODE = 10 << 24 | 7 };

static char root[64], found[32][512];
static size_t found_count;

static int note(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)place;
    if (type == FTW_F && found_count < sizeof found / sizeof *found)
        snprintf(found[found_count++], sizeof *found, "%s", path + strlen(root) + 1);
    return 0;
}

/* The path of the only file whose path has `part` in it; NULL if there is none. */
static const char *find(const char *part)
{
    const char *match = NULL;
    found_count = 0;
    nftw(root, note, 16, FTW_PHYS);
    for (size_t i = 0; i < found_count; i++)
        if (strstr(found[i], part)) {
            assert_null(match);
            match = found[i];
        }
    return match;
}

static void check_text(const char *file, const char *expected)
{
    char path[600], text[4096];
    snprintf(path, sizeof path, "%s/%s", root, file);
    gzFile in = gzopen(path, "r");
    assert_non_null(in);
    int size = gzread(in, text, sizeof text - 1);
    assert_true(size >= 0);
    text[size] = 0;
    gzclose(in);
    assert_string_equal(text, expected);
}

static struct simulated_cloud *create(void)
{
    struct simulated_cloud *cloud = cloud_create(1);
    snprintf(root, sizeof root, "/tmp/balancer-logs-XXXXXX");
    assert_non_null(mkdtemp(root));
    cloud->world.log_dir = root;
    cloud->now_ms = INT64_C(1795000000000) - INT64_C(1795000000000) % (5 * MINUTE);
    return cloud;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

static void destroy(struct simulated_cloud *cloud)
{
    if (cloud)
        cloud_destroy(cloud);
    nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void set_logs(struct simulated_cloud *cloud, const char *bucket, const char *prefix)
{
    struct err err;
    struct txn *txn = txn_begin(cloud->store);
    txn_put(txn, "load-balancer", "us-east-1", "lb",
            json_pack("{s:s, s:s, s:s, s:[{s:s, s:s}], s:{s:s, s:s, s:s}}", "LoadBalancerArn", "lb",
                      "LoadBalancerName", "web", "_dimension", name, "_nodes", "Address",
                      "10.0.0.7", "PublicAddress", "100.64.0.9", "_attributes",
                      "access_logs.s3.enabled", "true", "access_logs.s3.bucket", bucket,
                      "access_logs.s3.prefix", prefix));
    assert_int_equal(txn_commit(txn, &err), 0);
    logs_controller.run(cloud->control);
}

static void receive_kind(struct simulated_cloud *cloud, enum log_kind kind, const char *lines)
{
    struct {
        struct message_log head;
        char lines[256];
    } message = {.head = {.node_address = NODE, .kind = kind}};
    memcpy(message.head.load_balancer, name, sizeof name);
    size_t size = (size_t)snprintf(message.lines, sizeof message.lines, "%s", lines);
    logs_controller.receive(cloud->control, MESSAGE_LOG, &message, sizeof message.head + size);
}

static void receive(struct simulated_cloud *cloud, const char *lines)
{
    receive_kind(cloud, LOG_ACCESS, lines);
}

static void a_file_appears_after_five_minutes_under_awss_name(void **state)
{
    (void)state;
    struct simulated_cloud *cloud = create();
    set_logs(cloud, "bucket", "my/prefix");
    assert_string_equal(find("ELBAccessLogTestFile"),
                        "bucket/my/prefix/AWSLogs/000000000000/ELBAccessLogTestFile");
    receive(cloud, "one\n");
    cloud->now_ms += 2 * MINUTE;
    receive(cloud, "two\n");
    logs_controller.run(cloud->control);
    assert_null(find(".log.gz"));
    cloud->now_ms += 3 * MINUTE;
    logs_controller.run(cloud->control);
    const char *file = find(".log.gz");
    static const char expected[] = "bucket/my/prefix/AWSLogs/000000000000/elasticloadbalancing/"
                                   "us-east-1/2026/11/18/000000000000_elasticloadbalancing_"
                                   "us-east-1_app.web.0123456789abcdef_20261118T1110Z_100.64.0.9_";
    assert_non_null(file);
    assert_memory_equal(file, expected, sizeof expected - 1);
    assert_int_equal(strlen(file), sizeof expected - 1 + 8 + strlen(".log.gz"));
    check_text(file, "one\ntwo\n");
    destroy(cloud);
}

static void each_kind_of_log_has_its_own_name(void **state)
{
    (void)state;
    struct err err;
    struct simulated_cloud *cloud = create();
    set_logs(cloud, "bucket", "");
    struct txn *txn = txn_begin(cloud->store);
    json_t *doc = json_deep_copy(store_get(cloud->store, "load-balancer", "us-east-1", "lb"));
    json_t *more =
        json_pack("{s:s, s:s, s:s, s:s}", "connection_logs.s3.enabled", "true",
                  "connection_logs.s3.bucket", "connections", "health_check_logs.s3.enabled",
                  "true", "health_check_logs.s3.bucket", "checks");
    json_object_update(json_object_get(doc, "_attributes"), more);
    json_decref(more);
    txn_put(txn, "load-balancer", "us-east-1", "lb", doc);
    assert_int_equal(txn_commit(txn, &err), 0);
    logs_controller.run(cloud->control);
    receive_kind(cloud, LOG_ACCESS, "access\n");
    receive_kind(cloud, LOG_CONNECTION, "connection\n");
    receive_kind(cloud, LOG_HEALTH_CHECK, "check\n");
    cloud_destroy(cloud);
    check_text(find("bucket/AWSLogs/000000000000/elasticloadbalancing"), "access\n");
    check_text(find("/conn_log.000000000000_elasticloadbalancing_us-east-1_app.web."),
               "connection\n");
    check_text(find("/health_check_log_000000000000_elasticloadbalancing_us-east-1_app.web."),
               "check\n");
    assert_non_null(find("checks/AWSLogs/000000000000/ELBHealthCheckLogTestFile"));
    destroy(NULL);
}

static void the_end_publishes_what_there_is(void **state)
{
    (void)state;
    struct simulated_cloud *cloud = create();
    set_logs(cloud, "bucket", "");
    receive(cloud, "one\n");
    cloud_destroy(cloud);
    check_text(find(".log.gz"), "one\n");
    assert_null(find(".pending"));
    destroy(NULL);
}

static void another_bucket_gets_the_lines_that_come_later(void **state)
{
    (void)state;
    struct simulated_cloud *cloud = create();
    set_logs(cloud, "bucket", "");
    receive(cloud, "one\n");
    set_logs(cloud, "other", "");
    receive(cloud, "two\n");
    check_text(find(".log.gz"), "one\n");
    cloud->now_ms += 5 * MINUTE;
    logs_controller.run(cloud->control);
    const char *later = find("other/AWSLogs/000000000000/elasticloadbalancing");
    assert_non_null(later);
    check_text(later, "two\n");
    destroy(cloud);
}

static void what_a_killed_process_left_is_published_by_the_next(void **state)
{
    (void)state;
    struct err err;
    snprintf(root, sizeof root, "/tmp/balancer-logs-XXXXXX");
    assert_non_null(mkdtemp(root));
    struct log_object *object = log_object_create(root, "bucket/key.log.gz", "id", &err);
    assert_non_null(object);
    assert_int_equal(log_object_append(object, "one\n", 4, &err), 0);
    assert_int_equal(log_objects_recover(root, &err), 0);
    check_text(find("bucket/key.log.gz"), "one\n");
    assert_int_equal(log_object_publish(object, &err), 0);
    destroy(NULL);
}

static void lines_of_a_load_balancer_that_is_gone_are_dropped(void **state)
{
    (void)state;
    struct simulated_cloud *cloud = create();
    receive(cloud, "one\n");
    assert_null(find(""));
    destroy(cloud);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_appears_after_five_minutes_under_awss_name),
        cmocka_unit_test(each_kind_of_log_has_its_own_name),
        cmocka_unit_test(the_end_publishes_what_there_is),
        cmocka_unit_test(another_bucket_gets_the_lines_that_come_later),
        cmocka_unit_test(what_a_killed_process_left_is_published_by_the_next),
        cmocka_unit_test(lines_of_a_load_balancer_that_is_gone_are_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
