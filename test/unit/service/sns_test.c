/* Simple Notification Service: what is kept of topics and subscriptions, what is on its way after a
 * message, and what is refused. */
#include "base/buf.h"
#include "base/cleanup.h"
#include "service/doc.h"
#include "service/sns/subscription.h"
#include "service_fixture.h"
#include "wire/base64.h"
#include "wire/certificate.h"

#include <openssl/pem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the headers above first. */
#include <cmocka.h>

#define TOPIC "arn:aws:sns:us-east-1:000000000000:t"

/* Making a key takes long; one is enough for all tests. */
static char *same_key(void *arg, int count, struct err *err)
{
    static char *key;
    (void)arg;
    (void)count;
    if (!key)
        key = certificate_new_key("RSA_2048", err);
    assert_non_null(key);
    return strdup(key);
}

static int set_up(void **state)
{
    struct service_fixture *fixture = fixture_create();
    fixture->world.rsa_key = same_key;
    json_decref(fixture_ok(fixture, "sns", "CreateTopic", "{'Name': 't'}"));
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    fixture_destroy(*state);
    return 0;
}

static void subscribe(struct service_fixture *fixture, const char *protocol, const char *endpoint,
                      const char *attributes, char arn[256])
{
    json_auto_t *out =
        fixture_ok(fixture, "sns", "Subscribe",
                   "{'TopicArn': '" TOPIC "', 'Protocol': '%s', 'Endpoint': '%s', 'Attributes': "
                   "%s, 'ReturnSubscriptionArn': true}",
                   protocol, endpoint, attributes);
    snprintf(arn, 256, "%s", fixture_text(out, "SubscriptionArn"));
}

static const json_t *subscription(struct service_fixture *fixture, const char *arn)
{
    return store_get(fixture->store, "subscription", fixture->region, arn);
}

static void confirm(struct service_fixture *fixture, const char *arn)
{
    json_decref(fixture_ok(fixture, "sns", "ConfirmSubscription",
                           "{'TopicArn': '" TOPIC "', 'Token': '%s'}",
                           doc_text(subscription(fixture, arn), "_token")));
}

/* The deliveries of a type, and the last of them. */
static int deliveries(struct service_fixture *fixture, const char *type, const json_t **last)
{
    int count = 0;
    store_each (cursor, fixture->store, "delivery", fixture->region)
        if (doc_is(cursor.doc, "Type", type)) {
            count++;
            *last = cursor.doc;
        }
    return count;
}

static json_t *body_of(const json_t *delivery)
{
    json_t *body = json_loads(doc_text(delivery, "_body"), 0, NULL);
    assert_non_null(body);
    return body;
}

/* ---- topics ---- */

static void a_topic_is_created_once(void **state)
{
    struct service_fixture *fixture = *state;
    static const char whole[] = "{'Name': 'u', 'Attributes': {'DisplayName': 'U'}, 'Tags': "
                                "[{'Key': 'k', 'Value': 'v'}]}";
    for (int i = 0; i < 2; i++) {
        json_auto_t *out = fixture_ok(fixture, "sns", "CreateTopic", "%s", whole);
        assert_string_equal(fixture_text(out, "TopicArn"), "arn:aws:sns:us-east-1:000000000000:u");
    }
    json_decref(fixture_ok(fixture, "sns", "CreateTopic", "{'Name': 'u'}"));
    fixture_fails(fixture, "InvalidParameter", "sns", "CreateTopic",
                  "{'Name': 'u', 'Attributes': {'DisplayName': 'V'}}");
    fixture_fails(fixture, "InvalidParameter", "sns", "CreateTopic",
                  "{'Name': 'u', 'Tags': [{'Key': 'k', 'Value': 'w'}]}");
    json_auto_t *tags = fixture_ok(fixture, "sns", "ListTagsForResource",
                                   "{'ResourceArn': 'arn:aws:sns:us-east-1:000000000000:u'}");
    assert_string_equal(fixture_text(tags, "Tags.0.Value"), "v");
}

static void topics_are_listed_in_pages(void **state)
{
    struct service_fixture *fixture = *state;
    for (int i = 0; i < 100; i++)
        json_decref(fixture_ok(fixture, "sns", "CreateTopic", "{'Name': 'n%d'}", i));
    json_auto_t *first = fixture_ok(fixture, "sns", "ListTopics", "{}");
    assert_int_equal(json_array_size(fixture_at(first, "Topics")), 100);
    json_auto_t *second = fixture_ok(fixture, "sns", "ListTopics", "{'NextToken': '%s'}",
                                     fixture_text(first, "NextToken"));
    assert_int_equal(json_array_size(fixture_at(second, "Topics")), 1);
    assert_null(fixture_at(second, "NextToken"));
}

static void attributes_of_topics_are_shown_with_their_defaults(void **state)
{
    struct service_fixture *fixture = *state;
    json_decref(fixture_ok(fixture, "sns", "SetTopicAttributes",
                           "{'TopicArn': '" TOPIC "', 'AttributeName': 'SignatureVersion', "
                           "'AttributeValue': '2'}"));
    json_auto_t *out =
        fixture_ok(fixture, "sns", "GetTopicAttributes", "{'TopicArn': '" TOPIC "'}");
    assert_string_equal(fixture_text(out, "Attributes.SignatureVersion"), "2");
    assert_string_equal(fixture_text(out, "Attributes.DisplayName"), "");
    assert_non_null(strstr(fixture_text(out, "Attributes.Policy"), "__default_statement_ID"));
    assert_non_null(
        strstr(fixture_text(out, "Attributes.EffectiveDeliveryPolicy"), "\"numRetries\":3"));
}

static void a_deleted_topic_takes_everything_along(void **state)
{
    struct service_fixture *fixture = *state;
    char arn[256];
    const json_t *last;
    subscribe(fixture, "http", "http://127.0.0.1/", "{}", arn);
    for (int i = 0; i < 2; i++)
        json_decref(fixture_ok(fixture, "sns", "DeleteTopic", "{'TopicArn': '" TOPIC "'}"));
    assert_null(subscription(fixture, arn));
    assert_int_equal(deliveries(fixture, "SubscriptionConfirmation", &last), 0);
    fixture_fails(fixture, "NotFound", "sns", "GetTopicAttributes", "{'TopicArn': '" TOPIC "'}");
}

/* ---- subscriptions ---- */

static void a_subscription_waits_for_its_token(void **state)
{
    struct service_fixture *fixture = *state;
    char arn[256];
    const json_t *last;
    subscribe(fixture, "http", "http://127.0.0.1/", "{}", arn);
    json_decref(
        fixture_ok(fixture, "sns", "Publish", "{'TopicArn': '" TOPIC "', 'Message': 'too early'}"));
    assert_int_equal(deliveries(fixture, "Notification", &last), 0);
    json_auto_t *listed =
        fixture_ok(fixture, "sns", "ListSubscriptionsByTopic", "{'TopicArn': '" TOPIC "'}");
    assert_string_equal(fixture_text(listed, "Subscriptions.0.SubscriptionArn"),
                        "PendingConfirmation");
    fixture_fails(fixture, "InvalidParameter", "sns", "ConfirmSubscription",
                  "{'TopicArn': '" TOPIC "', 'Token': 'other'}");
    fixture_fails(fixture, "InvalidParameter", "sns", "Unsubscribe", "{'SubscriptionArn': '%s'}",
                  arn);
    confirm(fixture, arn);
    confirm(fixture, arn); /* who follows the link twice sees the same */
    json_decref(
        fixture_ok(fixture, "sns", "Publish", "{'TopicArn': '" TOPIC "', 'Message': 'now'}"));
    assert_int_equal(deliveries(fixture, "Notification", &last), 1);
}

static void who_subscribes_again_gets_the_same(void **state)
{
    struct service_fixture *fixture = *state;
    char arn[256], again[256];
    subscribe(fixture, "http", "http://127.0.0.1/", "{}", arn);
    confirm(fixture, arn);
    subscribe(fixture, "http", "http://127.0.0.1/", "{}", again);
    assert_string_equal(arn, again);
    fixture_fails(fixture, "InvalidParameter", "sns", "Subscribe",
                  "{'TopicArn': '" TOPIC "', 'Protocol': 'http', 'Endpoint': 'http://127.0.0.1/', "
                  "'Attributes': {'RawMessageDelivery': 'true'}}");
}

static void a_subscription_that_nobody_confirms_is_forgotten_after_two_days(void **state)
{
    struct service_fixture *fixture = *state;
    struct err err;
    char arn[256];
    int64_t due_ms;
    subscribe(fixture, "http", "http://127.0.0.1/", "{}", arn);
    for (int days = 1; days <= 2; days++) {
        fixture->now_ms += (int64_t)86400 * 1000;
        struct txn *txn = txn_begin(fixture->store);
        struct call call = fixture_context(fixture, txn);
        subscriptions_forget(&call, &due_ms);
        assert_int_equal(txn_commit(txn, &err), 0);
        assert_int_equal(subscription(fixture, arn) != NULL, days < 2);
    }
    assert_int_equal(due_ms, INT64_MAX);
}

/* As the links of messages do: nobody says who asks. */
static int call_unsigned(struct service_fixture *fixture, const char *operation, json_t *in)
{
    struct txn *txn = txn_begin(fixture->store);
    struct call call = fixture_context(fixture, txn);
    call.user_arn = call.access_key = "";
    int result = service_call(&call, "sns", operation, in, NULL, &fixture->err);
    if (result < 0)
        txn_rollback(txn);
    else
        assert_int_equal(txn_commit(txn, &fixture->err), 0);
    return result;
}

static void who_leaves_by_a_link_may_come_back_by_another(void **state)
{
    struct service_fixture *fixture = *state;
    const json_t *last;
    char arn[256];
    subscribe(fixture, "http", "http://127.0.0.1/", "{}", arn);
    confirm(fixture, arn);
    assert_int_equal(
        call_unsigned(fixture, "Unsubscribe", json_pack("{s:s}", "SubscriptionArn", arn)), 0);
    fixture_fails(fixture, "NotFound", "sns", "GetSubscriptionAttributes",
                  "{'SubscriptionArn': '%s'}", arn);
    assert_int_equal(deliveries(fixture, "UnsubscribeConfirmation", &last), 1);
    json_auto_t *body = body_of(last);
    assert_int_equal(call_unsigned(fixture, "ConfirmSubscription",
                                   json_pack("{s:s, s:O}", "TopicArn", TOPIC, "Token",
                                             json_object_get(body, "Token"))),
                     0);
    json_decref(
        fixture_ok(fixture, "sns", "GetSubscriptionAttributes", "{'SubscriptionArn': '%s'}", arn));
}

static void a_link_does_not_end_what_only_its_owner_may_end(void **state)
{
    struct service_fixture *fixture = *state;
    char arn[256];
    subscribe(fixture, "http", "http://127.0.0.1/", "{}", arn);
    json_decref(fixture_ok(fixture, "sns", "ConfirmSubscription",
                           "{'TopicArn': '" TOPIC "', 'Token': '%s', "
                           "'AuthenticateOnUnsubscribe': 'true'}",
                           doc_text(subscription(fixture, arn), "_token")));
    assert_int_equal(
        call_unsigned(fixture, "Unsubscribe", json_pack("{s:s}", "SubscriptionArn", arn)), -1);
    assert_string_equal(fixture->err.code, "AuthorizationError");
    json_decref(fixture_ok(fixture, "sns", "Unsubscribe", "{'SubscriptionArn': '%s'}", arn));
    assert_null(subscription(fixture, arn));
}

static void a_filter_policy_keeps_messages_back(void **state)
{
    struct service_fixture *fixture = *state;
    const json_t *last;
    char arn[256];
    subscribe(fixture, "http", "http://127.0.0.1/", "{}", arn);
    confirm(fixture, arn);
    static const struct {
        const char *scope, *policy, *message, *attributes;
        int more;
    } rows[] = {
        {"MessageAttributes", "{\\\"store\\\": [\\\"a\\\"]}", "m", "{}", 0},
        {"MessageAttributes", "{\\\"store\\\": [\\\"a\\\"]}", "m",
         "{'store': {'DataType': 'String', 'StringValue': 'a'}}", 1},
        {"MessageBody", "{\\\"o\\\": {\\\"n\\\": [1]}}", "{\\\"o\\\": {\\\"n\\\": 1}}", "{}", 1},
        {"MessageBody", "{\\\"o\\\": {\\\"n\\\": [1]}}", "{\\\"o\\\": {\\\"n\\\": 2}}", "{}", 0},
        {"MessageBody", "{\\\"o\\\": {\\\"n\\\": [1]}}", "no JSON", "{}", 0},
    };
    int expected = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        static const char *const names[] = {"FilterPolicy", "FilterPolicyScope", "FilterPolicy"};
        const char *values[] = {"", rows[i].scope, rows[i].policy};
        for (int k = 0; k < 3; k++)
            json_decref(fixture_ok(fixture, "sns", "SetSubscriptionAttributes",
                                   "{'SubscriptionArn': '%s', 'AttributeName': '%s', "
                                   "'AttributeValue': '%s'}",
                                   arn, names[k], values[k]));
        json_decref(fixture_ok(fixture, "sns", "Publish",
                               "{'TopicArn': '" TOPIC "', 'Message': '%s', 'MessageAttributes': "
                               "%s}",
                               rows[i].message, rows[i].attributes));
        expected += rows[i].more;
        assert_int_equal(deliveries(fixture, "Notification", &last), expected);
    }
}

/* ---- messages ---- */

/* As AWS describes it: these members, in this order. */
static void assert_signed(struct service_fixture *fixture, const json_t *body)
{
    static const char *const members[] = {"Message",   "MessageId", "Subject",  "SubscribeURL",
                                          "Timestamp", "Token",     "TopicArn", "Type"};
    auto_buf text = {0};
    size_t size;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (json_object_get(body, members[i]))
            buf_printf(&text, "%s\n%s\n", members[i], doc_text(body, members[i]));
    const char *pem =
        doc_text(store_get(fixture->store, "signing-certificate", "", "sns"), "_certificate");
    const char *signature = doc_text(body, "Signature");
    auto_free unsigned char *bytes =
        (unsigned char *)base64_decode(signature, strlen(signature), &size);
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const char *digest = doc_is(body, "SignatureVersion", "2") ? "SHA256" : "SHA1";
    assert_int_equal(
        EVP_DigestVerifyInit_ex(context, NULL, digest, NULL, NULL, X509_get0_pubkey(x509), NULL),
        1);
    assert_int_equal(EVP_DigestVerify(context, bytes, size, (unsigned char *)text.data, text.size),
                     1);
    EVP_MD_CTX_free(context);
    X509_free(x509);
    BIO_free(bio);
}

static void messages_are_signed_as_aws_signs_them(void **state)
{
    struct service_fixture *fixture = *state;
    const json_t *last;
    char arn[256];
    subscribe(fixture, "http", "http://127.0.0.1/", "{}", arn);
    deliveries(fixture, "SubscriptionConfirmation", &last);
    json_auto_t *asked = body_of(last);
    assert_signed(fixture, asked);
    confirm(fixture, arn);
    for (int version = 1; version <= 2; version++) {
        json_decref(fixture_ok(fixture, "sns", "SetTopicAttributes",
                               "{'TopicArn': '" TOPIC "', 'AttributeName': 'SignatureVersion', "
                               "'AttributeValue': '%d'}",
                               version));
        json_decref(fixture_ok(fixture, "sns", "Publish",
                               "{'TopicArn': '" TOPIC "', 'Message': 'a\\nb', 'Subject': 'S'}"));
        deliveries(fixture, "Notification", &last);
        json_auto_t *body = body_of(last);
        assert_int_equal(*doc_text(body, "SignatureVersion") - '0', version);
        assert_string_equal(doc_text(body, "Message"), "a\nb");
        assert_signed(fixture, body);
    }
}

static void a_subscriber_in_the_cloud_gets_links_that_it_reaches(void **state)
{
    static const struct {
        const char *endpoint, *base;
    } rows[] = {
        {"http://192.168.0.9/", "http://127.0.0.1:4566/"},
        {"http://100.64.3.4:8080/x", "https://sns.us-east-1.amazonaws.com/"},
        {"http://ec2-100-64-3-4.compute-1.amazonaws.com/", "https://sns.us-east-1.amazonaws.com/"},
    };
    struct service_fixture *fixture = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const json_t *last;
        char arn[256];
        subscribe(fixture, "http", rows[i].endpoint, "{}", arn);
        deliveries(fixture, "SubscriptionConfirmation", &last);
        json_auto_t *body = body_of(last);
        size_t size = strlen(rows[i].base);
        assert_memory_equal(doc_text(body, "SubscribeURL"), rows[i].base, size);
        assert_memory_equal(doc_text(body, "SigningCertURL"), rows[i].base, size);
    }
}

static void each_protocol_gets_its_own_form(void **state)
{
    struct service_fixture *fixture = *state;
    static const struct {
        const char *protocol, *endpoint, *attributes, *expected;
    } rows[] = {
        {"http", "http://127.0.0.1/", "{'RawMessageDelivery': 'true'}", "for http"},
        {"email", "me@example.com", "{}",
         "for all\n\n--\nIf you wish to stop receiving notifications from this topic, please click "
         "or visit the link below to unsubscribe:\nhttp://127.0.0.1:4566/?Action=Unsubscribe"},
        {"email-json", "me@example.com", "{}", "{\n  \"Type\" : \"Notification\",\n"},
        {"http", "http://127.0.0.2/", "{}", "{\n  \"Type\" : \"Notification\",\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char arn[256];
        subscribe(fixture, rows[i].protocol, rows[i].endpoint, rows[i].attributes, arn);
        confirm(fixture, arn);
    }
    json_decref(
        fixture_ok(fixture, "sns", "Publish",
                   "{'TopicArn': '" TOPIC "', 'MessageStructure': 'json', 'Message': "
                   "'{\\\"default\\\": \\\"for all\\\", \\\"http\\\": \\\"for http\\\"}'}"));
    size_t seen = 0;
    store_each (cursor, fixture->store, "delivery", fixture->region)
        if (doc_is(cursor.doc, "Type", "Notification")) {
            const char *body = doc_text(cursor.doc, "_body");
            assert_memory_equal(body, rows[seen].expected, strlen(rows[seen].expected));
            json_auto_t *json = json_loads(body, 0, NULL);
            if (json) /* each text has a signature of its own */
                assert_signed(fixture, json);
            seen++;
        }
    assert_int_equal(seen, 4);
}

static void a_batch_says_of_each_entry_what_became_of_it(void **state)
{
    struct service_fixture *fixture = *state;
    json_auto_t *out =
        fixture_ok(fixture, "sns", "PublishBatch",
                   "{'TopicArn': '" TOPIC "', 'PublishBatchRequestEntries': [{'Id': 'a', "
                   "'Message': 'x'}, {'Id': 'b', 'Message': 'y', 'Subject': '\\n'}]}");
    assert_string_equal(fixture_text(out, "Successful.0.Id"), "a");
    assert_string_equal(fixture_text(out, "Failed.0.Id"), "b");
    assert_string_equal(fixture_text(out, "Failed.0.Code"), "InvalidParameter");
}

static void a_message_may_have_256_kib(void **state)
{
    enum { LIMIT = 256 * 1024 };
    struct service_fixture *fixture = *state;
    auto_free char *text = malloc(LIMIT + 2);
    memset(text, 'x', LIMIT + 1);
    text[LIMIT + 1] = 0;
    fixture_fails(fixture, "InvalidParameter", "sns", "Publish",
                  "{'TopicArn': '" TOPIC "', 'Message': '%s'}", text);
    text[LIMIT] = 0;
    json_decref(
        fixture_ok(fixture, "sns", "Publish", "{'TopicArn': '" TOPIC "', 'Message': '%s'}", text));
    fixture_fails(fixture, "BatchRequestTooLong", "sns", "PublishBatch",
                  "{'TopicArn': '" TOPIC "', 'PublishBatchRequestEntries': [{'Id': 'a', 'Message': "
                  "'%s'}, {'Id': 'b', 'Message': 'y'}]}",
                  text);
}

/* What is on its way is bounded; what does not fit is refused, not lost. */
static void a_flood_is_refused(void **state)
{
    struct service_fixture *fixture = *state;
    const json_t *last;
    char arn[256];
    subscribe(fixture, "http", "http://127.0.0.1/", "{'RawMessageDelivery': 'true'}", arn);
    confirm(fixture, arn);
    auto_free char *text = malloc(256 * 1024 + 1);
    memset(text, 'x', 256 * 1024);
    text[256 * 1024] = 0;
    int taken = 0;
    json_t *out;
    while ((out = fixture_call(fixture, "sns", "Publish",
                               "{'TopicArn': '" TOPIC "', 'Message': '%s'}", text))) {
        json_decref(out);
        taken++;
    }
    assert_string_equal(fixture->err.code, "Throttled");
    assert_int_equal(taken, 255); /* and the confirmation make 64 MiB */
    assert_int_equal(deliveries(fixture, "Notification", &last), taken);
}

static void a_throttled_subscription_gets_its_messages_later(void **state)
{
    struct service_fixture *fixture = *state;
    const json_t *last;
    char arn[256];
    subscribe(fixture, "http", "http://127.0.0.1/",
              "{'DeliveryPolicy': '{\\\"throttlePolicy\\\": {\\\"maxReceivesPerSecond\\\": 2}}'}",
              arn);
    confirm(fixture, arn);
    for (int i = 1; i <= 3; i++) {
        json_decref(
            fixture_ok(fixture, "sns", "Publish", "{'TopicArn': '" TOPIC "', 'Message': 'm'}"));
        deliveries(fixture, "Notification", &last);
        /* The confirmation was the first. */
        assert_int_equal(doc_number(last, "_due_ms"), fixture->now_ms + i * 500);
    }
}

/* ---- what is refused ---- */

#define SUBSCRIBE(protocol, endpoint)                                                              \
    "{'TopicArn': '" TOPIC "', 'Protocol': '" protocol "', 'Endpoint': '" endpoint "'}"
#define PUBLISH(more) "{'TopicArn': '" TOPIC "', 'Message': 'm'" more "}"
#define SET_TOPIC(name, value)                                                                     \
    "{'TopicArn': '" TOPIC "', 'AttributeName': '" name "', 'AttributeValue': '" value "'}"
#define ATTRIBUTE(type, value)                                                                     \
    ", 'MessageAttributes': {'a': {'DataType': '" type "', 'StringValue': '" value "'}}"
#define BATCH(entries) "{'TopicArn': '" TOPIC "', 'PublishBatchRequestEntries': [" entries "]}"
#define NOBODY         "arn:aws:sns:us-east-1:000000000000:nobody"

static const struct refusal {
    const char *operation, *in, *code;
} refusals[] = {
    {"CreateTopic", "{'Name': ''}", "InvalidParameter"},
    {"CreateTopic", "{'Name': 'a b'}", "InvalidParameter"},
    {"CreateTopic", "{'Name': 'a.fifo'}", "InvalidParameter"},
    {"CreateTopic", "{'Name': 'a', 'Attributes': {'FifoTopic': 'true'}}", "InvalidParameter"},
    {"CreateTopic", "{'Name': 'a', 'Attributes': {'Unknown': 'x'}}", "InvalidParameter"},
    {"CreateTopic", "{'Name': 'a', 'Attributes': {'KmsMasterKeyId': 'x'}}", "InvalidParameter"},
    {"CreateTopic", "{'Name': 'a', 'DataProtectionPolicy': '{}'}", "InvalidParameter"},
    {"CreateTopic", "{'Name': 'a', 'Tags': [{'Key': 'aws:x', 'Value': ''}]}", "InvalidParameter"},
    {"CreateTopic",
     "{'Name': 'a', 'Tags': [{'Key': 'x', 'Value': ''}, {'Key': 'x', 'Value': "
     "''}]}",
     "InvalidParameter"},
    {"DeleteTopic", "{'TopicArn': 'x'}", "InvalidParameter"},
    {"GetTopicAttributes", "{'TopicArn': 'x'}", "InvalidParameter"},
    {"GetTopicAttributes", "{'TopicArn': '" NOBODY "'}", "NotFound"},
    {"GetTopicAttributes", "{'TopicArn': 'arn:aws:sns:eu-west-1:000000000000:t'}",
     "InvalidParameter"},
    {"SetTopicAttributes", SET_TOPIC("Unknown", "x"), "InvalidParameter"},
    {"SetTopicAttributes", SET_TOPIC("DisplayName", "a\\nb"), "InvalidParameter"},
    {"SetTopicAttributes", SET_TOPIC("Policy", "no JSON"), "InvalidParameter"},
    {"SetTopicAttributes", SET_TOPIC("Policy", "{}"), "InvalidParameter"},
    {"SetTopicAttributes",
     SET_TOPIC("Policy", "{\\\"Statement\\\": [{\\\"Effect\\\": "
                         "\\\"Maybe\\\"}]}"),
     "InvalidParameter"},
    {"SetTopicAttributes", SET_TOPIC("DeliveryPolicy", "{"), "InvalidParameter"},
    {"SetTopicAttributes", SET_TOPIC("SignatureVersion", "3"), "InvalidParameter"},
    {"SetTopicAttributes", SET_TOPIC("TracingConfig", "Active"), "InvalidParameter"},
    {"SetTopicAttributes", SET_TOPIC("HTTPSuccessFeedbackRoleArn", "x"), "InvalidParameter"},
    {"ListTopics", "{'NextToken': 'x'}", "InvalidParameter"},
    {"Subscribe", "{'TopicArn': '" NOBODY "', 'Protocol': 'http', 'Endpoint': 'http://a/'}",
     "NotFound"},
    {"Subscribe", SUBSCRIBE("http", ""), "InvalidParameter"},
    {"Subscribe", SUBSCRIBE("http", "https://a/"), "InvalidParameter"},
    {"Subscribe", SUBSCRIBE("http", "http://me:secret@a/"), "InvalidParameter"},
    {"Subscribe", SUBSCRIBE("http", "http://a/\\r\\nX: y"), "InvalidParameter"},
    {"Subscribe", SUBSCRIBE("http", "ftp://a/"), "InvalidParameter"},
    {"Subscribe", SUBSCRIBE("email", "me"), "InvalidParameter"},
    {"Subscribe", SUBSCRIBE("email", "../../x@example.com"), "InvalidParameter"},
    {"Subscribe", SUBSCRIBE("email", "me@../x"), "InvalidParameter"},
    {"Subscribe", SUBSCRIBE("sqs", "arn:aws:sqs:us-east-1:000000000000:q"), "InvalidParameter"},
    {"Subscribe", SUBSCRIBE("lambda", "arn:aws:lambda:us-east-1:000000000000:function:f"),
     "InvalidParameter"},
    {"Subscribe", SUBSCRIBE("sms", "+15550100"), "InvalidParameter"},
    {"Subscribe", SUBSCRIBE("application", "arn:x"), "InvalidParameter"},
    {"Subscribe", SUBSCRIBE("carrier-pigeon", "x"), "InvalidParameter"},
    {"Subscribe",
     "{'TopicArn': '" TOPIC "', 'Protocol': 'http', 'Endpoint': 'http://a/', "
     "'Attributes': {'FilterPolicy': '{'}}",
     "InvalidParameter"},
    {"Subscribe",
     "{'TopicArn': '" TOPIC "', 'Protocol': 'http', 'Endpoint': 'http://a/', "
     "'Attributes': {'RedrivePolicy': '{}'}}",
     "InvalidParameter"},
    {"Subscribe",
     "{'TopicArn': '" TOPIC "', 'Protocol': 'email', 'Endpoint': 'a@b.c', "
     "'Attributes': {'RawMessageDelivery': 'true'}}",
     "InvalidParameter"},
    {"Subscribe",
     "{'TopicArn': '" TOPIC "', 'Protocol': 'email', 'Endpoint': 'a@b.c', "
     "'Attributes': {'DeliveryPolicy': '{}'}}",
     "InvalidParameter"},
    {"Subscribe",
     "{'TopicArn': '" TOPIC "', 'Protocol': 'http', 'Endpoint': 'http://a/', "
     "'Attributes': {'FilterPolicyScope': 'Everything'}}",
     "InvalidParameter"},
    {"ConfirmSubscription", "{'TopicArn': '" NOBODY "', 'Token': 'x'}", "NotFound"},
    {"ConfirmSubscription", "{'TopicArn': '" TOPIC "', 'Token': ''}", "InvalidParameter"},
    {"Unsubscribe", "{'SubscriptionArn': 'x'}", "InvalidParameter"},
    {"GetSubscriptionAttributes", "{'SubscriptionArn': 'PendingConfirmation'}", "InvalidParameter"},
    {"GetSubscriptionAttributes", "{'SubscriptionArn': '" TOPIC ":1'}", "NotFound"},
    {"SetSubscriptionAttributes",
     "{'SubscriptionArn': '" TOPIC ":1', 'AttributeName': "
     "'FilterPolicy'}",
     "NotFound"},
    {"ListSubscriptions", "{'NextToken': 'x'}", "InvalidParameter"},
    {"ListSubscriptionsByTopic", "{'TopicArn': '" NOBODY "'}", "NotFound"},
    {"Publish", "{'Message': 'm'}", "InvalidParameter"},
    {"Publish", "{'TopicArn': '" TOPIC "', 'TargetArn': '" TOPIC "', 'Message': 'm'}",
     "InvalidParameter"},
    {"Publish", "{'PhoneNumber': '+15550100', 'Message': 'm'}", "InvalidParameter"},
    {"Publish", "{'TopicArn': '" NOBODY "', 'Message': 'm'}", "NotFound"},
    {"Publish", "{'TopicArn': '" TOPIC "', 'Message': ''}", "InvalidParameter"},
    {"Publish", PUBLISH(", 'Subject': ''"), "InvalidParameter"},
    {"Publish", PUBLISH(", 'Subject': 'a\\r\\nBcc: you@example.com'"), "InvalidParameter"},
    {"Publish", PUBLISH(", 'MessageStructure': 'xml'"), "InvalidParameter"},
    {"Publish", PUBLISH(", 'MessageStructure': 'json'"), "InvalidParameter"},
    {"Publish", "{'TopicArn': '" TOPIC "', 'MessageStructure': 'json', 'Message': '{}'}",
     "InvalidParameter"},
    {"Publish", PUBLISH(", 'MessageGroupId': 'g'"), "InvalidParameter"},
    {"Publish", PUBLISH(ATTRIBUTE("Text", "x")), "ParameterValueInvalid"},
    {"Publish", PUBLISH(ATTRIBUTE("String", "")), "ParameterValueInvalid"},
    {"Publish", PUBLISH(ATTRIBUTE("Number", "one")), "ParameterValueInvalid"},
    {"Publish", PUBLISH(ATTRIBUTE("Binary", "x")), "ParameterValueInvalid"},
    {"Publish", PUBLISH(ATTRIBUTE("String.Array", "{}")), "ParameterValueInvalid"},
    {"PublishBatch", BATCH(""), "EmptyBatchRequest"},
    {"PublishBatch", BATCH("{'Id': 'a b', 'Message': 'm'}"), "InvalidBatchEntryId"},
    {"PublishBatch", BATCH("{'Id': 'a', 'Message': 'm'}, {'Id': 'a', 'Message': 'm'}"),
     "BatchEntryIdsNotDistinct"},
    {"TagResource", "{'ResourceArn': '" NOBODY "', 'Tags': []}", "ResourceNotFound"},
    {"TagResource", "{'ResourceArn': '" TOPIC "', 'Tags': [{'Key': 'aws:a', 'Value': 'b'}]}",
     "InvalidParameter"},
    {"UntagResource", "{'ResourceArn': '" NOBODY "', 'TagKeys': ['a']}", "ResourceNotFound"},
    {"ListTagsForResource", "{'ResourceArn': '" NOBODY "'}", "ResourceNotFound"},
};

static void what_makes_no_sense_is_refused_and_changes_nothing(void **state)
{
    struct service_fixture *fixture = *state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const struct refusal *row = &refusals[i];
        json_t *out = fixture_call(fixture, "sns", row->operation, "%s", row->in);
        if (out || strcmp(fixture->err.code, row->code) != 0)
            fail_msg("%s %s: %s", row->operation, row->in, out ? "accepted" : fixture->err.code);
    }
    assert_int_equal(store_count(fixture->store, "topic", fixture->region), 1);
    assert_int_equal(store_count(fixture->store, "subscription", fixture->region), 0);
    assert_int_equal(store_count(fixture->store, "delivery", fixture->region), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_topic_is_created_once),
        TEST(topics_are_listed_in_pages),
        TEST(attributes_of_topics_are_shown_with_their_defaults),
        TEST(a_deleted_topic_takes_everything_along),
        TEST(a_subscription_waits_for_its_token),
        TEST(who_subscribes_again_gets_the_same),
        TEST(a_subscription_that_nobody_confirms_is_forgotten_after_two_days),
        TEST(who_leaves_by_a_link_may_come_back_by_another),
        TEST(a_link_does_not_end_what_only_its_owner_may_end),
        TEST(a_filter_policy_keeps_messages_back),
        TEST(messages_are_signed_as_aws_signs_them),
        TEST(a_subscriber_in_the_cloud_gets_links_that_it_reaches),
        TEST(each_protocol_gets_its_own_form),
        TEST(a_batch_says_of_each_entry_what_became_of_it),
        TEST(a_message_may_have_256_kib),
        TEST(a_flood_is_refused),
        TEST(a_throttled_subscription_gets_its_messages_later),
        TEST(what_makes_no_sense_is_refused_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
