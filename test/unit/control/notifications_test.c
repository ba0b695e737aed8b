/* How messages get to their subscribers: once, again, or not at all; whoever is started anew. */
#include "service/doc.h"
#include "simulated_cloud.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SECOND_MS = 1000, SENT_MAX = 100 };

#define TOPIC "arn:aws:sns:us-east-1:000000000000:t"

/* What the guest process was told to deliver. */
static struct {
    struct message_delivery messages[SENT_MAX];
    char *orders[SENT_MAX];
    int count;
} sent;

static void (*next_send)(void *arg, enum message_type type, const void *payload,
                         size_t payload_size, const void *tail, size_t tail_size);

static void catch_deliveries(void *arg, enum message_type type, const void *payload,
                             size_t payload_size, const void *tail, size_t tail_size)
{
    if (type == MESSAGE_DELIVER && sent.count < SENT_MAX) {
        memcpy(&sent.messages[sent.count], payload, sizeof sent.messages[0]);
        sent.orders[sent.count++] = strndup(tail, tail_size);
    }
    next_send(arg, type, payload, payload_size, tail, tail_size);
}

static void forget_sent(void)
{
    while (sent.count > 0)
        free(sent.orders[--sent.count]);
}

static int set_up(void **state)
{
    struct simulated_cloud *cloud = cloud_create(1);
    next_send = cloud->world.send;
    cloud->world.send = catch_deliveries;
    cloud_ok(cloud, "sns", "CreateTopic", "{'Name': 't'}");
    *state = cloud;
    return 0;
}

static int tear_down(void **state)
{
    cloud_destroy(*state);
    forget_sent();
    return 0;
}

/* A confirmed subscription; its confirmation is answered. */
static void subscribe(struct simulated_cloud *cloud, const char *protocol, const char *endpoint)
{
    cloud_ok(cloud, "sns", "Subscribe",
             "{'TopicArn': '" TOPIC "', 'Protocol': '%s', 'Endpoint': '%s'}", protocol, endpoint);
    store_each (cursor, cloud->store, "subscription", cloud->region)
        if (doc_is(cursor.doc, "_state", "pending")) {
            char token[128];
            snprintf(token, sizeof token, "%s", doc_text(cursor.doc, "_token"));
            cloud_ok(cloud, "sns", "ConfirmSubscription",
                     "{'TopicArn': '" TOPIC "', 'Token': '%s'}", token);
            break;
        }
}

static void answer(struct simulated_cloud *cloud, int index, int status)
{
    struct message_delivered delivered = {.status = (uint32_t)status, .text = "refused"};
    memcpy(delivered.id, sent.messages[index].id, sizeof delivered.id);
    control_receive(cloud->control, MESSAGE_DELIVERED, &delivered, sizeof delivered);
}

static size_t waiting(const struct simulated_cloud *cloud)
{
    return store_count(cloud->store, "delivery", cloud->region);
}

/* One HTTP subscriber with nothing on its way. */
static void begin(struct simulated_cloud *cloud)
{
    subscribe(cloud, "http", "http://192.168.0.9/hook");
    cloud_run(cloud, SECOND_MS);
    answer(cloud, 0, 200);
    cloud_run(cloud, SECOND_MS);
    assert_int_equal(waiting(cloud), 0);
    forget_sent();
}

static void publish(struct simulated_cloud *cloud)
{
    cloud_ok(cloud, "sns", "Publish", "{'TopicArn': '" TOPIC "', 'Message': 'm'}");
    cloud_run(cloud, SECOND_MS);
}

static void a_message_goes_out_with_awss_headers(void **state)
{
    struct simulated_cloud *cloud = *state;
    begin(cloud);
    publish(cloud);
    assert_int_equal(sent.count, 1);
    json_auto_t *order = json_loads(sent.orders[0], 0, NULL);
    const char *headers = doc_text(order, "Headers");
    assert_string_equal(doc_text(order, "Url"), "http://192.168.0.9/hook");
    assert_non_null(strstr(headers, "x-amz-sns-message-type: Notification\r\n"));
    assert_non_null(strstr(headers, "x-amz-sns-topic-arn: " TOPIC "\r\n"));
    assert_non_null(strstr(headers, "x-amz-sns-subscription-arn: " TOPIC ":"));
    assert_non_null(strstr(headers, "Content-Type: text/plain; charset=UTF-8\r\n"));
    assert_null(strstr(headers, "rawdelivery"));
    assert_non_null(strstr(doc_text(order, "Authority"), "BEGIN CERTIFICATE"));
    answer(cloud, 0, 200);
    cloud_run(cloud, 3600 * SECOND_MS);
    assert_int_equal(sent.count, 1);
    assert_int_equal(waiting(cloud), 0);
}

/* AWS's default: three retries, 20 seconds apart. */
static void what_fails_is_tried_again_three_times(void **state)
{
    struct simulated_cloud *cloud = *state;
    static const int statuses[] = {0, 503, 429, 500};
    begin(cloud);
    publish(cloud);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(sent.count, i + 1);
        answer(cloud, i, statuses[i]);
        cloud_run(cloud, 19 * SECOND_MS);
        assert_int_equal(sent.count, i + 1);
        cloud_run(cloud, SECOND_MS);
    }
    assert_int_equal(sent.count, 4);
    assert_int_equal(waiting(cloud), 0);
}

/* The sum of a metric of the topic, since it was created. */
static double sum_of(struct simulated_cloud *cloud, const char *metric)
{
    json_auto_t *out = cloud_call(
        cloud, "cloudwatch", "GetMetricStatistics",
        "{'Namespace': 'AWS/SNS', 'MetricName': '%s', 'Dimensions': [{'Name': "
        "'TopicName', 'Value': 't'}], 'StartTime': %lld, 'EndTime': %lld, 'Period': "
        "86400, 'Statistics': ['Sum']}",
        metric, (long long)cloud->now_ms / 1000 - 86400, (long long)cloud->now_ms / 1000 + 86400);
    const json_t *points = json_object_get(out, "Datapoints");
    return json_number_value(json_object_get(json_array_get(points, 0), "Sum"));
}

static void topics_are_measured(void **state)
{
    struct simulated_cloud *cloud = *state;
    begin(cloud);
    publish(cloud);
    answer(cloud, 0, 200);
    publish(cloud);
    answer(cloud, 1, 404);
    assert_float_equal(sum_of(cloud, "NumberOfMessagesPublished"), 2, 0);
    assert_float_equal(sum_of(cloud, "PublishSize"), 2, 0);
    assert_float_equal(sum_of(cloud, "NumberOfNotificationsDelivered"), 1, 0);
    assert_float_equal(sum_of(cloud, "NumberOfNotificationsFailed"), 1, 0);
}

static void what_a_server_refuses_is_not_tried_again(void **state)
{
    struct simulated_cloud *cloud = *state;
    begin(cloud);
    publish(cloud);
    answer(cloud, 0, 404);
    cloud_run(cloud, 100 * SECOND_MS);
    assert_int_equal(sent.count, 1);
    assert_int_equal(waiting(cloud), 0);
}

static void nothing_is_lost_when_processes_are_started_anew(void **state)
{
    struct simulated_cloud *cloud = *state;
    begin(cloud);
    publish(cloud);
    assert_int_equal(sent.count, 1);
    control_peer_started(cloud->control, PROCESS_GUEST);
    cloud_run(cloud, SECOND_MS);
    assert_int_equal(sent.count, 2);
    answer(cloud, 1, 500); /* a retry is due in 20 seconds */
    cloud_api_restarts(cloud);
    cloud_run(cloud, 10 * SECOND_MS);
    assert_int_equal(sent.count, 2);
    cloud_run(cloud, 10 * SECOND_MS);
    assert_int_equal(sent.count, 3);
    answer(cloud, 2, 200);
    assert_int_equal(waiting(cloud), 0);
}

static void a_slow_subscriber_does_not_keep_the_others_waiting(void **state)
{
    struct simulated_cloud *cloud = *state;
    begin(cloud);
    for (int i = 0; i < 10; i++)
        cloud_ok(cloud, "sns", "Publish", "{'TopicArn': '" TOPIC "', 'Message': 'm'}");
    cloud_run(cloud, SECOND_MS);
    assert_int_equal(sent.count, 4);
    subscribe(cloud, "http", "http://192.168.0.10/");
    cloud_run(cloud, SECOND_MS);
    assert_int_equal(sent.count, 5);
    for (int i = 0; i < sent.count && i < SENT_MAX; i++) {
        answer(cloud, i, 200);
        cloud_run(cloud, SECOND_MS);
    }
    assert_int_equal(waiting(cloud), 0);
}

static void an_answer_to_what_was_deleted_is_nothing(void **state)
{
    struct simulated_cloud *cloud = *state;
    begin(cloud);
    publish(cloud);
    cloud_ok(cloud, "sns", "DeleteTopic", "{'TopicArn': '" TOPIC "'}");
    answer(cloud, 0, 500);
    answer(cloud, 0, 200);
    cloud_run(cloud, 100 * SECOND_MS);
    assert_int_equal(waiting(cloud), 0);
    assert_int_equal(sent.count, 1);
}

static char *read_only_file(const char *folder)
{
    struct dirent **entries;
    char path[1024];
    static char text[4096];
    int count = scandir(folder, &entries, NULL, alphasort);
    assert_int_equal(count, 3);
    snprintf(path, sizeof path, "%s/%s", folder, entries[2]->d_name);
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
    FILE *file = fopen(path, "r");
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    remove(path);
    remove(folder);
    return text;
}

static void mail_becomes_a_file(void **state)
{
    struct simulated_cloud *cloud = *state;
    char root[] = "/tmp/pileus-mail-XXXXXX", folder[128];
    assert_non_null(mkdtemp(root));
    snprintf(folder, sizeof folder, "%s/me@example.com", root);
    cloud->world.mail_dir = root;
    cloud_ok(cloud, "sns", "SetTopicAttributes",
             "{'TopicArn': '" TOPIC "', 'AttributeName': 'DisplayName', 'AttributeValue': 'Ops'}");
    cloud_ok(cloud, "sns", "Subscribe",
             "{'TopicArn': '" TOPIC "', 'Protocol': 'email', 'Endpoint': 'me@example.com'}");
    cloud_run(cloud, SECOND_MS);
    assert_int_equal(waiting(cloud), 0);
    const char *mail = read_only_file(folder);
    assert_non_null(strstr(mail, "From: =?UTF-8?B?T3Bz?= <no-reply@sns.amazonaws.com>\r\n"));
    assert_non_null(strstr(mail, "To: me@example.com\r\n"));
    assert_non_null(strstr(mail, "Subject: AWS Notification - Subscription Confirmation\r\n"));
    assert_non_null(strstr(mail, "/?Action=ConfirmSubscription&TopicArn=" TOPIC "&Token="));
    cloud->world.mail_dir = NULL;
    remove(root);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_message_goes_out_with_awss_headers),
        TEST(what_fails_is_tried_again_three_times),
        TEST(topics_are_measured),
        TEST(what_a_server_refuses_is_not_tried_again),
        TEST(nothing_is_lost_when_processes_are_started_anew),
        TEST(a_slow_subscriber_does_not_keep_the_others_waiting),
        TEST(an_answer_to_what_was_deleted_is_nothing),
        TEST(mail_becomes_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
