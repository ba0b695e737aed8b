/* The real tables: what clients send of the real services, checked and answered as AWS does. */
#include "model/decode.h"
#include "model/encode.h"
#include "model/timestamp.h"
#include "model/validate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Decodes and validates a query; returns the input, or NULL and err. */
static json_t *read_query(const char *service_name, const char *operation_name, const char *text,
                          struct err *err)
{
    const struct model_service *service = model_find_service(service_name);
    const struct model_operation *operation = model_find_operation(service, operation_name);
    enum model_protocol protocol = service->protocols & MODEL_EC2 ? MODEL_EC2 : MODEL_QUERY;
    auto_query query = {0};
    json_t *in = NULL;
    *err = (struct err){0};
    assert_int_equal(query_parse(&query, text, strlen(text)), 0);
    if (model_decode_query(operation, protocol, &query, &in, err) < 0)
        return NULL;
    if (model_validate(service, operation, protocol, in, err) < 0) {
        json_decref(in);
        return NULL;
    }
    return in;
}

static void assert_refused(const char *service, const char *operation, const char *text,
                           const char *code, const char *message)
{
    struct err err;
    json_auto_t *in = read_query(service, operation, text, &err);
    assert_null(in);
    assert_string_equal(err.code, code);
    assert_string_equal(err.text, message);
}

static void every_operation_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; model_services[i]; i++)
        for (size_t k = 0; k < model_services[i]->operation_count; k++)
            assert_ptr_equal(
                model_find_operation(model_services[i], model_services[i]->operations[k].name),
                &model_services[i]->operations[k]);
    assert_null(model_find_operation(model_find_service("ec2"), "Zzz"));
}

static void every_pattern_of_the_models_is_checked(void **state)
{
    (void)state;
    for (size_t i = 0; model_services[i]; i++)
        assert_int_equal(model_services[i]->patterns_skipped, 0);
}

static void ec2_lists_are_flat_and_may_have_gaps(void **state)
{
    (void)state;
    struct err err;
    json_auto_t *in = read_query("ec2", "DescribeInstances",
                                 "Action=DescribeInstances&Filter.7.Name=b&Filter.7.Value.1=y&"
                                 "Filter.1.Name=a&Filter.1.Value.10=w&Filter.1.Value.2=v&"
                                 "InstanceId.1=i-1&MaxResults=5",
                                 &err);
    json_auto_t *wanted =
        json_pack("{s:[{s:s,s:[s,s]},{s:s,s:[s]}], s:[s], s:i}", "Filters", "Name", "a", "Values",
                  "v", "w", "Name", "b", "Values", "y", "InstanceIds", "i-1", "MaxResults", 5);
    assert_true(json_equal(in, wanted));
}

static void ec2_refuses_what_it_does_not_know(void **state)
{
    (void)state;
    assert_refused("ec2", "DescribeVpcs", "Action=DescribeVpcs&Bogus.1=x", "UnknownParameter",
                   "The parameter Bogus.1 is not recognized");
    assert_refused("ec2", "DescribeVpcs", "Filter.1.Bogus=x", "UnknownParameter",
                   "The parameter Filter.1.Bogus is not recognized");
    assert_refused("ec2", "DescribeVpcs", "Filter.x.Name=x", "InvalidParameterValue",
                   "Invalid value 'x' for Filter.x.Name");
    assert_refused("ec2", "RunInstances", "MinCount=1", "MissingParameter",
                   "The request must contain the parameter MaxCount");
    assert_refused("ec2", "RunInstances", "MinCount=one&MaxCount=1", "InvalidParameterValue",
                   "Invalid value 'one' for MinCount");
    assert_refused("ec2", "RunInstances", "MinCount=99999999999&MaxCount=1",
                   "InvalidParameterValue", "Invalid value '99999999999' for MinCount");
}

static void query_services_list_every_violation(void **state)
{
    (void)state;
    assert_refused("autoscaling", "SetDesiredCapacity", "AutoScalingGroupName=&Unknown=ignored",
                   "ValidationError",
                   "2 validation errors detected: Value '' at 'autoScalingGroupName' failed to "
                   "satisfy constraint: Member must have length greater than or equal to 1; Value "
                   "null at 'desiredCapacity' failed to satisfy constraint: Member must not be "
                   "null");
    assert_refused("elbv2", "CreateTargetGroup", "Name=x&Protocol=SMOKE", "ValidationError",
                   "1 validation error detected: Value 'SMOKE' at 'protocol' failed to satisfy "
                   "constraint: Member must satisfy enum value set: [HTTP, HTTPS, TCP, TLS, UDP, "
                   "TCP_UDP, GENEVE, QUIC, TCP_QUIC]");
    assert_refused("autoscaling", "CreateOrUpdateTags", "Tags.member.1.Value=x", "ValidationError",
                   "1 validation error detected: Value null at 'tags.1.member.key' failed to "
                   "satisfy constraint: Member must not be null");
}

static void floats_that_are_no_numbers_are_refused(void **state)
{
    (void)state;
    struct err err;
    json_auto_t *in = read_query(
        "cloudwatch", "PutMetricData",
        "Namespace=n&MetricData.member.1.MetricName=m&MetricData.member.1.Value=NaN", &err);
    assert_null(in);
    assert_string_equal(err.code, "ValidationError");
}

static void json_types_are_checked(void **state)
{
    (void)state;
    const struct model_operation *operation =
        model_find_operation(model_find_service("ssm"), "GetParameters");
    const char *const broken[] = {"{\"Names\": \"x\"}",
                                  "{\"Names\": [1]}",
                                  "{\"Names\": [\"a\"], \"WithDecryption\": 1}",
                                  "[]",
                                  "{",
                                  "nul",
                                  "{\"Names\": [\"\\u0000\"]}",
                                  "{\"a\":1,\"a\":2}"};
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        struct err err = {0};
        json_t *in = NULL;
        assert_int_equal(model_decode_json(operation, broken[i], strlen(broken[i]), &in, &err), -1);
        assert_string_equal(err.code, "SerializationException");
    }
    struct err err;
    json_t *in = NULL;
    const char *fine = "{\"Names\":null,\"New\":1}";
    assert_int_equal(model_decode_json(operation, fine, strlen(fine), &in, &err), 0);
    assert_int_equal(json_object_size(in), 0);
    json_decref(in);
}

static int encode(const char *service_name, const char *operation_name, json_t *out,
                  struct buf *body)
{
    const struct model_service *service = model_find_service(service_name);
    struct err err;
    json_auto_t *taken = out;
    enum model_protocol protocol = service->protocols & MODEL_EC2 ? MODEL_EC2 : MODEL_QUERY;
    return model_encode_result(service, model_find_operation(service, operation_name), protocol,
                               taken, "id", NULL, body, &err);
}

static size_t encode_kept(struct encode_memo *memo, json_t *instance, struct buf *body)
{
    const struct model_service *service = model_find_service("ec2");
    const struct encode_kept kept = {memo, "Instances"};
    struct err err;
    json_auto_t *out = json_pack("{s:[{s:[O]}]}", "Reservations", "Instances", instance);
    buf_clear(body);
    assert_int_equal(model_encode_result(service,
                                         model_find_operation(service, "DescribeInstances"),
                                         MODEL_EC2, out, "id", &kept, body, &err),
                     0);
    return body->size;
}

static void documents_that_never_change_are_encoded_once(void **state)
{
    struct encode_memo *memo = encode_memo_create();
    auto_buf first = {0}, again = {0};
    (void)state;
    json_auto_t *instance = json_pack("{s:s}", "InstanceId", "i-1");
    encode_kept(memo, instance, &first);
    assert_non_null(strstr(first.data, "<instanceId>i-1</instanceId>"));
    /* It is not looked at again: this shows, for nobody may do it. */
    json_object_set_new(instance, "InstanceId", json_string("i-2"));
    encode_kept(memo, instance, &again);
    assert_string_equal(first.data, again.data);
    for (int i = 0; i < 200; i++) {
        char id[16];
        snprintf(id, sizeof id, "i-%d", 100 + i);
        json_auto_t *other = json_pack("{s:s}", "InstanceId", id);
        encode_kept(memo, other, &again);
        assert_non_null(strstr(again.data, id));
    }
    /* Of those 200, which nobody has any more, most are forgotten; this one is not. */
    assert_int_equal(instance->refcount, 2);
    encode_memo_destroy(memo);
    assert_int_equal(instance->refcount, 1);
}

static void encoding_is_strict_but_skips_private_members(void **state)
{
    (void)state;
    auto_buf body = {0}, bad = {0}, mistyped = {0};
    assert_int_equal(encode("ec2", "DescribeVpcs",
                            json_pack("{s:[{s:s,s:s,s:n,s:b}]}", "Vpcs", "VpcId", "vpc-<1>",
                                      "_private", "x", "State", "IsDefault", 1),
                            &body),
                     0);
    assert_non_null(strstr(body.data, "<requestId>id</requestId><vpcSet><item>"));
    assert_non_null(strstr(body.data, "<vpcId>vpc-&lt;1&gt;</vpcId>"));
    assert_non_null(strstr(body.data, "<isDefault>true</isDefault>"));
    assert_null(strstr(body.data, "private"));
    assert_int_equal(
        encode("ec2", "DescribeVpcs", json_pack("{s:[{s:s}]}", "Vpcs", "Colour", "x"), &bad), -1);
    assert_int_equal(
        encode("ec2", "DescribeVpcs", json_pack("{s:[{s:i}]}", "Vpcs", "VpcId", 1), &mistyped), -1);
}

static void operations_without_output_say_true_or_nothing(void **state)
{
    (void)state;
    auto_buf ec2 = {0}, autoscaling = {0}, elbv2 = {0};
    encode("ec2", "DeleteVpc", json_object(), &ec2);
    assert_non_null(strstr(ec2.data, "<requestId>id</requestId><return>true</return>"));
    encode("autoscaling", "DeletePolicy", json_object(), &autoscaling);
    assert_non_null(strstr(autoscaling.data, "/\"><ResponseMetadata><RequestId>id</RequestId>"));
    encode("elbv2", "DeleteRule", json_object(), &elbv2);
    assert_non_null(strstr(elbv2.data, "<DeleteRuleResult></DeleteRuleResult>"));
}

static void timestamps_are_read_in_every_form(void **state)
{
    (void)state;
    const char *const same[] = {"2026-01-02T03:04:05Z",
                                "2026-01-02T05:04:05+02:00",
                                "2026-01-02T03:04:05.000Z",
                                "Fri, 02 Jan 2026 03:04:05 GMT",
                                "1767323045",
                                "2026-01-02T03:04:05"};
    double seconds;
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        assert_true(timestamp_parse(same[i], &seconds));
        assert_true(seconds == 1767323045);
    }
    const char *const broken[] = {"",
                                  "yesterday",
                                  "2026-13-01",
                                  "1e300",
                                  "nan",
                                  "2026-01-02T",
                                  "2026-01-02T03:04:05 o'clock"};
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
        assert_false(timestamp_parse(broken[i], &seconds));
    auto_buf text = {0};
    timestamp_iso8601(&text, -0.001);
    assert_string_equal(text.data, "1969-12-31T23:59:59.999Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation_is_found),
        cmocka_unit_test(every_pattern_of_the_models_is_checked),
        cmocka_unit_test(ec2_lists_are_flat_and_may_have_gaps),
        cmocka_unit_test(ec2_refuses_what_it_does_not_know),
        cmocka_unit_test(query_services_list_every_violation),
        cmocka_unit_test(floats_that_are_no_numbers_are_refused),
        cmocka_unit_test(json_types_are_checked),
        cmocka_unit_test(documents_that_never_change_are_encoded_once),
        cmocka_unit_test(encoding_is_strict_but_skips_private_members),
        cmocka_unit_test(operations_without_output_say_true_or_nothing),
        cmocka_unit_test(timestamps_are_read_in_every_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
