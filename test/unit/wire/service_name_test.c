#include "wire/service_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static bool parse(const char *name, struct service_name *parsed)
{
    return service_name_parse((struct slice){name, strlen(name)}, parsed);
}

static void expect(const char *name, const char *labels, const char *region)
{
    struct service_name parsed;
    assert_true(parse(name, &parsed));
    assert_int_equal(parsed.labels.size, strlen(labels));
    assert_memory_equal(parsed.labels.data, labels, strlen(labels));
    assert_int_equal(parsed.region.size, strlen(region));
    if (*region)
        assert_memory_equal(parsed.region.data, region, strlen(region));
}

static void names_are_taken_apart(void **state)
{
    (void)state;
    expect("ec2.ap-south-1.amazonaws.com", "ec2", "ap-south-1");
    expect("bucket.s3.us-gov-west-1.amazonaws.com", "bucket.s3", "us-gov-west-1");
    expect("ec2.cn-north-1.amazonaws.com.cn", "ec2", "cn-north-1");
    expect("ec2.eu-west-1.api.aws", "ec2", "eu-west-1");
    expect("sts.amazonaws.com", "sts", "");
    expect("bucket.s3.amazonaws.com", "bucket.s3", "");
    expect("ec2-100-64-0-9.us-east-2.compute.amazonaws.com", "ec2-100-64-0-9.us-east-2.compute",
           "");
}

static void other_names_are_none(void **state)
{
    static const char *const others[] = {"",
                                         "amazonaws.com",
                                         ".amazonaws.com",
                                         "ap-south-1.amazonaws.com",
                                         "ec2.amazonaws.org",
                                         "aws",
                                         "amazonaws.com.example.org",
                                         "x.vpce.amazonaws.com"};
    struct service_name parsed;
    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        assert_false(parse(others[i], &parsed));
}

static void endpoints_are_told_apart(void **state)
{
    struct service_name parsed;
    (void)state;
    assert_true(parse("vpce-0a1-b2.ec2.ap-south-1.vpce.amazonaws.com", &parsed));
    assert_true(parsed.is_endpoint);
    assert_true(service_name_is_of(&parsed, "ec2"));
    assert_true(parse("ec2.ap-south-1.amazonaws.com", &parsed));
    assert_false(parsed.is_endpoint);
}

static void a_service_has_what_is_below_its_name(void **state)
{
    struct service_name parsed;
    (void)state;
    assert_true(parse("api.ecr.ap-south-1.amazonaws.com", &parsed));
    assert_true(service_name_is_of(&parsed, "ecr"));
    assert_false(service_name_is_of(&parsed, "cr"));
    assert_false(service_name_is_of(&parsed, "api"));
    assert_false(service_name_is_of(&parsed, "x.api.ecr"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_taken_apart),
        cmocka_unit_test(other_names_are_none),
        cmocka_unit_test(endpoints_are_told_apart),
        cmocka_unit_test(a_service_has_what_is_below_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
