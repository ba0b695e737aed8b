/* Whole requests through the front, against the real tables and services, in memory. */
#include "front/exchange.h"
#include "front/inflate.h"
#include "wire/cbor.h"
#include "wire/certificate.h"

#include "base/cleanup.h"
#include "os/random.h"
#include "store/series.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

static const int64_t start_s = 1767323045; /* 2026-01-02T03:04:05Z */

struct fixture {
    struct service_world world;
    struct front_options options;
    struct front_answer answer;
    int64_t cloud_ms, now_s;
};

/* A request to be signed and sent. */
struct sent {
    const char *method, *query, *path, *body;
    const char *service, *key, *secret, *timestamp, *token;
    struct http1_header extra[3];
    bool is_unsigned;
};

static void world_random(void *arg, void *out, size_t size)
{
    (void)arg;
    random_bytes(out, size);
}

static int64_t cloud_now(void *arg)
{
    return ((struct fixture *)arg)->cloud_ms;
}

static int64_t real_now(void *arg)
{
    return ((struct fixture *)arg)->now_s * 1000;
}

static int setup(void **state)
{
    static struct fixture fixture;
    struct err err;
    fixture = (struct fixture){
        .world = {.arg = &fixture, .random = world_random, .real_ms = real_now, .vcpu_share = 1},
        .cloud_ms = start_s * 1000,
        .now_s = start_s};
    fixture.options = (struct front_options){
        .store = store_open(NULL, &err),
        .series = series_open(NULL, &err),
        .world = &fixture.world,
        .account = "000000000000",
        .region = "us-east-1",
        .version = "test",
        .authenticate = true,
        .root_key = true,
        .cloud_now_ms = cloud_now,
        .arg = &fixture,
    };
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    front_answer_finish(&fixture->answer);
    series_close(fixture->options.series);
    store_close(fixture->options.store);
    return 0;
}

static struct slice text_slice(const char *text)
{
    return (struct slice){text ? text : "", text ? strlen(text) : 0};
}

static const char *or_default(const char *text, const char *other)
{
    return text ? text : other;
}

/* Signs and serves; returns the body of the answer. */
static const char *send_request(struct fixture *fixture, const struct sent *sent)
{
    static char authorization[512];
    struct http1_header headers[8] = {
        {text_slice("Host"), text_slice("localhost:4566")},
        {text_slice("X-Amz-Date"), text_slice(or_default(sent->timestamp, "20260102T030405Z"))}};
    int count = 2;
    for (int i = 0; i < 3 && sent->extra[i].name.size; i++)
        headers[count++] = sent->extra[i];
    if (sent->token)
        headers[count++] =
            (struct http1_header){text_slice("X-Amz-Security-Token"), text_slice(sent->token)};
    struct front_request request = {
        .signed_part = {.method = text_slice(or_default(sent->method, "POST")),
                        .path = text_slice(or_default(sent->path, "/")),
                        .query = text_slice(sent->query),
                        .headers = headers,
                        .header_count = count,
                        .body = text_slice(sent->body)},
        .body = text_slice(sent->body)};
    struct sigv4_claim claim = {
        .date = "20260102", .region = "eu-west-1", .signed_headers = "host;x-amz-date"};
    snprintf(claim.timestamp, sizeof(claim.timestamp), "%.16s",
             or_default(sent->timestamp, "20260102T030405Z"));
    snprintf(claim.date, sizeof(claim.date), "%.8s", claim.timestamp);
    snprintf(claim.service, sizeof(claim.service), "%.60s", or_default(sent->service, "ec2"));
    char signature[65];
    sigv4_sign(&request.signed_part, &claim, or_default(sent->secret, "test"), signature);
    snprintf(authorization, sizeof(authorization),
             "AWS4-HMAC-SHA256 Credential=%s/%s/eu-west-1/%s/aws4_request, "
             "SignedHeaders=host;x-amz-date, Signature=%s",
             or_default(sent->key, "test"), claim.date, claim.service, signature);
    if (!sent->is_unsigned)
        headers[request.signed_part.header_count++] =
            (struct http1_header){text_slice("Authorization"), text_slice(authorization)};
    front_answer_finish(&fixture->answer);
    fixture->answer = (struct front_answer){0};
    front_serve(&fixture->options, &request, fixture->now_s, &fixture->answer);
    return fixture->answer.body.data ? fixture->answer.body.data : "";
}

static const char *ec2(struct fixture *fixture, const char *body)
{
    return send_request(fixture, &(struct sent){.body = body});
}

#define assert_answer(fixture, wanted_status, text)                                                \
    do {                                                                                           \
        const char *body_ = (fixture)->answer.body.data;                                           \
        if ((fixture)->answer.status != (wanted_status) || !strstr(body_, text))                   \
            fail_msg("%d %s", (fixture)->answer.status, body_);                                    \
    } while (0)

static void ec2_answers_xml_with_its_request_id_first(void **state)
{
    struct fixture *fixture = *state;
    const char *body = ec2(fixture, "Action=DescribeVpcs&Version=2016-11-15");
    assert_answer(fixture, 200,
                  "<DescribeVpcsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">"
                  "<requestId>");
    assert_non_null(strstr(body, "<vpcSet><item>"));
    assert_non_null(strstr(body, "<cidrBlock>172.31.0.0/16</cidrBlock>"));
    assert_non_null(strstr(fixture->answer.headers.data, "x-amzn-RequestId: "));
}

static void each_protocol_has_its_own_form_of_errors(void **state)
{
    struct fixture *fixture = *state;
    ec2(fixture, "Action=Bogus&Version=2016-11-15");
    assert_answer(fixture, 400, "<Response><Errors><Error><Code>InvalidAction</Code>");
    send_request(fixture, &(struct sent){.service = "autoscaling",
                                         .body = "Action=Bogus&Version=2011-01-01"});
    assert_answer(fixture, 400, "<Error><Type>Sender</Type><Code>InvalidAction</Code>");
    send_request(fixture, &(struct sent){
                              .service = "ssm",
                              .body = "{}",
                              .extra = {{text_slice("X-Amz-Target"), text_slice("AmazonSSM.Bogus")},
                                        {text_slice("Content-Type"),
                                         text_slice("application/x-amz-json-1.1")}}});
    assert_answer(fixture, 400, "{\"__type\":\"UnknownOperationException\",");
    assert_non_null(strstr(fixture->answer.headers.data, "application/x-amz-json-1.1"));
}

static void what_is_not_there_yet_is_said_honestly(void **state)
{
    struct fixture *fixture = *state;
    ec2(fixture, "Action=CreateEgressOnlyInternetGateway&Version=2016-11-15&VpcId=vpc-1");
    assert_answer(fixture, 400, "<Code>UnsupportedOperation</Code>");
    send_request(fixture, &(struct sent){.service = "sts",
                                         .body = "Action=GetFederationToken&Version=2011-06-15"
                                                 "&Name=me"});
    assert_answer(fixture, 501, "<Code>NotImplemented</Code>");
    send_request(fixture, &(struct sent){.method = "GET", .service = "s3"});
    assert_answer(fixture, 501, "The service s3 is not supported by Pileus yet.");
}

static void signatures_are_verified(void **state)
{
    struct fixture *fixture = *state;
    const char *action = "Action=GetCallerIdentity&Version=2011-06-15";
    send_request(fixture, &(struct sent){.service = "sts", .body = action});
    assert_answer(fixture, 200, "<Arn>arn:aws:iam::000000000000:root</Arn>");
    send_request(fixture, &(struct sent){.service = "sts", .body = action, .secret = "wrong"});
    assert_answer(fixture, 403, "<Code>SignatureDoesNotMatch</Code>");
    send_request(fixture, &(struct sent){.service = "sts", .body = action, .key = "AKIAUNKNOWN"});
    assert_answer(fixture, 403, "<Code>InvalidClientTokenId</Code>");
    send_request(fixture, &(struct sent){.service = "sts", .body = action, .token = "of nobody"});
    assert_answer(fixture, 403, "<Code>InvalidClientTokenId</Code>");
    send_request(fixture, &(struct sent){
                              .service = "ec2", .body = "Action=DescribeVpcs", .secret = "wrong"});
    assert_answer(fixture, 401, "<Code>AuthFailure</Code>");
    send_request(fixture, &(struct sent){.service = "sts", .body = action, .is_unsigned = true});
    assert_answer(fixture, 403, "<Code>MissingAuthenticationToken</Code>");
}

/* The text of an element of the last answer. */
static void copy_element(const struct fixture *fixture, const char *name, char *out, size_t size)
{
    char open[64], close[64];
    snprintf(open, sizeof open, "<%s>", name);
    snprintf(close, sizeof close, "</%s>", name);
    const char *from = strstr(fixture->answer.body.data, open);
    const char *to = from ? strstr(from, close) : NULL;
    assert_non_null(to);
    from += strlen(open);
    snprintf(out, size, "%.*s", (int)(to - from), from);
}

struct session {
    char key[32], secret[64], token[256];
};

static struct session get_session_token(struct fixture *fixture)
{
    struct session session;
    send_request(fixture, &(struct sent){.service = "sts",
                                         .body = "Action=GetSessionToken&Version=2011-06-15"
                                                 "&DurationSeconds=900"});
    assert_answer(fixture, 200, "<Expiration>2026-01-02T03:19:05.000Z</Expiration>");
    copy_element(fixture, "AccessKeyId", session.key, sizeof session.key);
    copy_element(fixture, "SecretAccessKey", session.secret, sizeof session.secret);
    copy_element(fixture, "SessionToken", session.token, sizeof session.token);
    return session;
}

static const struct http1_header json_header = {{"Content-Type", 12},
                                                {"application/x-amz-json-1.1", 26}};

/* The same question, in each protocol that has errors of its own. */
static struct sent asking(const char *service, const struct session *session)
{
    struct sent sent = {.service = service,
                        .key = session->key,
                        .secret = session->secret,
                        .token = session->token,
                        .body = "Action=GetCallerIdentity&Version=2011-06-15"};
    if (strcmp(service, "ec2") == 0)
        sent.body = "Action=DescribeRegions&Version=2016-11-15";
    if (strcmp(service, "ssm") == 0) {
        sent.body = "{\"Name\": \"/none\"}";
        sent.extra[0] = json_header;
        sent.extra[1] =
            (struct http1_header){text_slice("X-Amz-Target"), text_slice("AmazonSSM.GetParameter")};
    }
    return sent;
}

#define assert_asking(fixture, service, session, status, text)                                     \
    do {                                                                                           \
        const struct sent asking_ = asking(service, session);                                      \
        send_request(fixture, &asking_);                                                           \
        assert_answer(fixture, status, text);                                                      \
    } while (0)

static void a_session_token_stands_for_who_got_it(void **state)
{
    struct fixture *fixture = *state;
    const struct session session = get_session_token(fixture);
    assert_memory_equal(session.key, "ASIAQ", 5);
    assert_asking(fixture, "sts", &session, 200, "<Arn>arn:aws:iam::000000000000:root</Arn>");
    assert_asking(fixture, "ec2", &session, 200, "<regionInfo>");
    assert_asking(fixture, "ssm", &session, 400, "ParameterNotFound");
}

static void a_key_of_a_session_needs_its_own_token_and_secret(void **state)
{
    struct fixture *fixture = *state;
    const struct session mine = get_session_token(fixture), other = get_session_token(fixture);
    struct session wrong[] = {mine, mine, mine};
    wrong[0].token[0] = 0;
    snprintf(wrong[1].token, sizeof wrong[1].token, "%s", other.token);
    snprintf(wrong[2].key, sizeof wrong[2].key, "ASIAQAAAAAAAAAAAAAAA");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_asking(fixture, "sts", &wrong[i], 403, "<Code>InvalidClientTokenId</Code>");
        assert_asking(fixture, "ec2", &wrong[i], 401, "<Code>AuthFailure</Code>");
        assert_asking(fixture, "ssm", &wrong[i], 400, "UnrecognizedClientException");
    }
    struct session forged = mine;
    snprintf(forged.secret, sizeof forged.secret, "%s", other.secret);
    assert_asking(fixture, "sts", &forged, 403, "<Code>SignatureDoesNotMatch</Code>");
}

static void a_session_expires_in_real_time(void **state)
{
    struct fixture *fixture = *state;
    const struct session session = get_session_token(fixture);
    fixture->cloud_ms += 900 * 1000;
    assert_asking(fixture, "sts", &session, 200, "GetCallerIdentityResult");
    fixture->now_s += 900;
    assert_asking(fixture, "sts", &session, 403, "<Code>ExpiredToken</Code>");
    assert_asking(fixture, "ec2", &session, 400,
                  "<Code>RequestExpired</Code><Message>Request has expired.</Message>");
    assert_asking(fixture, "ssm", &session, 400, "ExpiredTokenException");
}

static void a_listener_may_know_no_root_key(void **state)
{
    struct fixture *fixture = *state;
    const struct session session = get_session_token(fixture);
    fixture->options.root_key = false;
    ec2(fixture, "Action=DescribeRegions&Version=2016-11-15");
    assert_answer(fixture, 401, "<Code>AuthFailure</Code>");
    assert_asking(fixture, "ec2", &session, 200, "<regionInfo>");
}

static void the_time_of_a_signature_may_be_fifteen_minutes_off(void **state)
{
    struct fixture *fixture = *state;
    const char *action = "Action=DescribeVpcs&Version=2016-11-15";
    send_request(fixture, &(struct sent){.body = action, .timestamp = "20260102T024906Z"});
    assert_int_equal(fixture->answer.status, 200);
    send_request(fixture, &(struct sent){.body = action, .timestamp = "20260102T024904Z"});
    assert_answer(fixture, 400, "<Code>RequestExpired</Code>");
    send_request(fixture, &(struct sent){.body = action, .timestamp = "20260102T031906Z"});
    assert_answer(fixture, 400, "<Code>RequestExpired</Code>");
}

static void without_authentication_anything_goes(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.authenticate = false;
    send_request(fixture, &(struct sent){.service = "sts",
                                         .secret = "wrong",
                                         .body = "Action=GetCallerIdentity&Version=2011-06-15"});
    assert_int_equal(fixture->answer.status, 200);
    send_request(fixture, &(struct sent){.method = "GET",
                                         .is_unsigned = true,
                                         .query = "Action=GetCallerIdentity&Version=2011-06-15"});
    assert_int_equal(fixture->answer.status, 200);
}

static void a_dry_run_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    ec2(fixture, "Action=DescribeVpcs&Version=2016-11-15");
    size_t before = store_count(fixture->options.store, "vpc", "eu-west-1");
    ec2(fixture, "Action=CreateVpc&Version=2016-11-15&CidrBlock=10.0.0.0/16&DryRun=true");
    assert_answer(fixture, 412, "<Code>DryRunOperation</Code>");
    assert_int_equal(store_count(fixture->options.store, "vpc", "eu-west-1"), before);
    ec2(fixture, "Action=CreateVpc&Version=2016-11-15&CidrBlock=bogus&DryRun=true");
    assert_int_equal(fixture->answer.status, 400);
}

static void a_client_token_gets_the_same_answer_for_a_day(void **state)
{
    struct fixture *fixture = *state;
    const char *create = "Action=CreateRouteTable&Version=2016-11-15&ClientToken=abc&VpcId=%s";
    const char *vpcs = ec2(fixture, "Action=DescribeVpcs&Version=2016-11-15");
    char vpc[32], body[256], first[64];
    snprintf(vpc, sizeof(vpc), "%.21s", strstr(vpcs, "<vpcId>") + strlen("<vpcId>"));
    snprintf(body, sizeof(body), create, vpc);
    const char *answer = strstr(ec2(fixture, body), "<routeTableId>");
    assert_non_null(answer);
    snprintf(first, sizeof(first), "%.40s", answer);
    assert_non_null(strstr(ec2(fixture, body), first));

    ec2(fixture, "Action=CreateRouteTable&Version=2016-11-15&ClientToken=abc&VpcId=vpc-1");
    assert_answer(fixture, 400, "<Code>IdempotentParameterMismatch</Code>");
    fixture->cloud_ms += 25 * 3600 * 1000;
    assert_null(strstr(ec2(fixture, body), first));
    assert_int_equal(fixture->answer.status, 200);
}

static void cloudwatch_answers_cbor_with_the_query_code_of_errors(void **state)
{
    struct fixture *fixture = *state;
    const struct http1_header cbor = {text_slice("smithy-protocol"), text_slice("rpc-v2-cbor")};
    const struct http1_header mode = {text_slice("x-amzn-query-mode"), text_slice("true")};
    struct sent sent = {.service = "monitoring",
                        .path = "/service/GraniteServiceVersion20100801/operation/DescribeAlarms",
                        .body = "\xa0",
                        .extra = {cbor, mode}};
    send_request(fixture, &sent);
    assert_int_equal(fixture->answer.status, 200);
    assert_non_null(strstr(fixture->answer.headers.data, "smithy-protocol: rpc-v2-cbor\r\n"));
    sent.body = "\xff";
    send_request(fixture, &sent);
    assert_int_equal(fixture->answer.status, 400);
    assert_non_null(
        strstr(fixture->answer.headers.data, "x-amzn-query-error: SerializationException;Sender"));
}

static void compressed_bodies_have_a_limit(void **state)
{
    (void)state;
    static char zeros[64 * 1024];
    unsigned char packed[4096];
    z_stream stream = {.next_in = (Bytef *)zeros,
                       .avail_in = sizeof(zeros),
                       .next_out = packed,
                       .avail_out = sizeof(packed)};
    deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY);
    deflate(&stream, Z_FINISH);
    auto_buf small = {.size_limit = 1000}, large = {.size_limit = 100 * 1024};
    assert_int_equal(front_gunzip(packed, stream.total_out, &small), -1);
    assert_int_equal(front_gunzip(packed, stream.total_out, &large), 0);
    assert_int_equal(large.size, sizeof(zeros));
    buf_clear(&large);
    assert_int_equal(front_gunzip(packed, stream.total_out - 5, &large), -1);
    deflateEnd(&stream);
}

/* ---- through a server ---- */

static bool keys_are_there;

static char *world_rsa_key(void *arg, int count, struct err *err)
{
    (void)arg, (void)count;
    if (keys_are_there)
        return certificate_new_key("RSA_2048", err);
    err_again(err);
    return NULL;
}

static int connect_to(int listen_fd, const char *query)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    char request[256];
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    getsockname(listen_fd, (struct sockaddr *)&address, &size);
    assert_return_code(connect(fd, (struct sockaddr *)&address, size), 0);
    int length = snprintf(request, sizeof request,
                          "GET /?Version=2016-11-15&%s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", query);
    assert_int_equal(send(fd, request, (size_t)length, 0), length);
    return fd;
}

/* Turns the loop until the connection has an answer; into `text`. */
static void await_answer(struct loop *loop, int fd, char text[16384])
{
    struct err err;
    ssize_t size = -1;
    for (int turn = 0; turn < 1000 && size < 0; turn++) {
        assert_return_code(loop_turn(loop, 10, &err), 0);
        size = recv(fd, text, 16383, MSG_DONTWAIT);
    }
    assert_true(size > 0);
    text[size] = 0;
}

static void a_request_that_must_wait_holds_up_no_other(void **state)
{
    struct fixture *fixture = *state;
    struct err err;
    char text[16384];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_return_code(bind(listen_fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_return_code(listen(listen_fd, 16), 0);
    struct loop *loop = loop_create(&err);
    fixture->options.authenticate = keys_are_there = false;
    fixture->world.rsa_key = world_rsa_key;
    struct front *front = front_create(&fixture->options, loop, listen_fd, &err);
    assert_non_null(front);
    int slow = connect_to(listen_fd, "Action=CreateKeyPair&KeyName=slow");
    int gone = connect_to(listen_fd, "Action=CreateKeyPair&KeyName=gone");
    int quick = connect_to(listen_fd, "Action=DescribeVpcs");
    close(gone);
    await_answer(loop, quick, text);
    assert_non_null(strstr(text, "<DescribeVpcsResponse"));
    front_go_on(front);
    assert_int_equal(recv(slow, text, 1, MSG_DONTWAIT), -1);
    keys_are_there = true;
    front_go_on(front);
    await_answer(loop, slow, text);
    assert_non_null(strstr(text, "-----BEGIN RSA PRIVATE KEY-----"));
    keys_are_there = false;
    int left = connect_to(listen_fd, "Action=CreateKeyPair&KeyName=left");
    close(quick);
    quick = connect_to(listen_fd, "Action=DescribeVpcs");
    await_answer(loop, quick, text);
    front_destroy(front);
    loop_destroy(loop);
    close(slow);
    close(quick);
    close(left);
}

/* Follows a link of a message, as a browser does. */
static void follow(struct fixture *fixture, const char *query)
{
    send_request(fixture, &(struct sent){.method = "GET", .query = query, .is_unsigned = true});
}

static void links_of_messages_need_no_signature(void **state)
{
    struct fixture *fixture = *state;
    char link[512];
    keys_are_there = true;
    fixture->world.rsa_key = world_rsa_key;
    fixture->world.endpoint = "http://127.0.0.1:4566";
    send_request(fixture, &(struct sent){.service = "sns", .body = "Action=CreateTopic&Name=t"});
    assert_answer(fixture, 200, "arn:aws:sns:eu-west-1:000000000000:t");
    send_request(fixture,
                 &(struct sent){.service = "sns",
                                .body = "Action=Subscribe&Protocol=http&Endpoint=http%3A%2F%2Fa%2F&"
                                        "TopicArn=arn:aws:sns:eu-west-1:000000000000:t"});
    assert_answer(fixture, 200, "pending confirmation");
    const json_t *doc = store_first(fixture->options.store, "subscription", "eu-west-1").doc;
    snprintf(link, sizeof link,
             "Action=ConfirmSubscription&TopicArn=arn:aws:sns:eu-west-1:000000000000:t&Token=%s",
             json_string_value(json_object_get(doc, "_token")));
    follow(fixture, link);
    assert_answer(fixture, 200, "<SubscriptionArn>arn:aws:sns:eu-west-1:000000000000:t:");
    follow(fixture, "Action=ConfirmSubscription&Token=x&TopicArn="
                    "arn:aws:sns:eu-west-1:000000000000:t");
    assert_answer(fixture, 400, "<Code>InvalidParameter</Code>");
    follow(fixture, "Action=Unsubscribe&SubscriptionArn=arn:aws:sns:nowhere-1:0:t:1");
    assert_answer(fixture, 400, "<Error>");
    follow(fixture, "Action=DeleteTopic&TopicArn=arn:aws:sns:eu-west-1:000000000000:t");
    assert_answer(fixture, 403, "<Code>MissingAuthenticationToken</Code>");
    follow(fixture, "Action=ListTopics&Version=2010-03-31");
    assert_answer(fixture, 403, "<Code>MissingAuthenticationToken</Code>");
}

#define front_case(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        front_case(ec2_answers_xml_with_its_request_id_first),
        front_case(each_protocol_has_its_own_form_of_errors),
        front_case(what_is_not_there_yet_is_said_honestly),
        front_case(signatures_are_verified),
        front_case(a_session_token_stands_for_who_got_it),
        front_case(a_key_of_a_session_needs_its_own_token_and_secret),
        front_case(a_session_expires_in_real_time),
        front_case(a_listener_may_know_no_root_key),
        front_case(the_time_of_a_signature_may_be_fifteen_minutes_off),
        front_case(without_authentication_anything_goes),
        front_case(a_dry_run_changes_nothing),
        front_case(a_client_token_gets_the_same_answer_for_a_day),
        front_case(cloudwatch_answers_cbor_with_the_query_code_of_errors),
        front_case(compressed_bodies_have_a_limit),
        front_case(a_request_that_must_wait_holds_up_no_other),
        front_case(links_of_messages_need_no_signature),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
