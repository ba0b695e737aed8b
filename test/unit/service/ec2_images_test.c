/* Public images, and the SSM parameters that lead to them. */
#include "service/ec2/public_images.h"
#include "service_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the headers above first. */
#include <cmocka.h>

#if defined(__aarch64__)
#define LINUX_NAME "arm64"
#define DEB_NAME   "arm64"
#else
#define LINUX_NAME "x86_64"
#define DEB_NAME   "amd64"
#endif

static size_t count_images(struct service_fixture *fixture, const char *owner, const char *name)
{
    json_auto_t *out = fixture_ok(fixture, "ec2", "DescribeImages",
                                  "{'Owners': ['%s'], 'Filters': [{'Name': 'name', 'Values': "
                                  "['%s']}, {'Name': 'state', 'Values': ['available']}]}",
                                  owner, name);
    return json_array_size(json_object_get(out, "Images"));
}

static void templates_find_their_images_by_name(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    assert_int_equal(count_images(fixture, "amazon", "al2023-ami-2023*-kernel-6.1-" LINUX_NAME), 1);
    assert_int_equal(count_images(fixture, "amazon", "amzn2-ami-hvm-*-" LINUX_NAME "-gp2"), 1);
    assert_int_equal(count_images(fixture, "099720109477",
                                  "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-" DEB_NAME "-server-*"),
                     1);
    assert_int_equal(count_images(fixture, "136693071363", "debian-12-" DEB_NAME "-*"), 1);
    assert_int_equal(count_images(fixture, "self", "*"), 0);
    assert_int_equal(count_images(fixture, "136693071363", "al2023-*"), 0);
    fixture_destroy(fixture);
}

static void a_parameter_leads_to_an_image(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    json_auto_t *out = fixture_ok(fixture, "ssm", "GetParameter",
                                  "{'Name': '/aws/service/ami-amazon-linux-latest/"
                                  "al2023-ami-kernel-default-" LINUX_NAME "'}");
    json_auto_t *images = fixture_ok(fixture, "ec2", "DescribeImages", "{'ImageIds': ['%s']}",
                                     fixture_text(out, "Parameter.Value"));
    assert_int_equal(strncmp(fixture_text(images, "Images.0.Name"), "al2023-ami-2023", 15), 0);
    fixture_fails(fixture, "ParameterNotFound", "ssm", "GetParameter", "{'Name': '/mine'}");
    fixture_destroy(fixture);
}

static void ids_differ_from_region_to_region_and_stay(void **state)
{
    (void)state;
    json_auto_t *here = public_image_at("us-east-1", 0), *there = public_image_at("eu-west-1", 0);
    json_auto_t *again = public_image_at("us-east-1", 0);
    assert_true(json_equal(here, again));
    assert_false(json_equal(json_object_get(here, "ImageId"), json_object_get(there, "ImageId")));
}

static void parameters_come_in_pages_by_path(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    json_auto_t *first = fixture_ok(fixture, "ssm", "GetParametersByPath",
                                    "{'Path': '/aws/service', 'Recursive': true}");
    assert_int_equal(json_array_size(json_object_get(first, "Parameters")), 10);
    json_auto_t *second = fixture_ok(fixture, "ssm", "GetParametersByPath",
                                     "{'Path': '/aws/service', 'Recursive': true, 'NextToken': "
                                     "'%s'}",
                                     fixture_text(first, "NextToken"));
    assert_true(json_array_size(json_object_get(second, "Parameters")) > 0);
    assert_string_not_equal(fixture_text(second, "Parameters.0.Name"),
                            json_string_value(fixture_at(first, "Parameters.0.Name")));
    json_auto_t *direct =
        fixture_ok(fixture, "ssm", "GetParametersByPath", "{'Path': '/aws/service'}");
    assert_int_equal(json_array_size(json_object_get(direct, "Parameters")), 0);
    fixture_destroy(fixture);
}

static void unknown_and_malformed_ids_differ(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    fixture_fails(fixture, "InvalidAMIID.Malformed", "ec2", "DescribeImages",
                  "{'ImageIds': ['image']}");
    fixture_fails(fixture, "InvalidAMIID.NotFound", "ec2", "DescribeImages",
                  "{'ImageIds': ['ami-00000000000000000']}");
    assert_string_equal(fixture->err.text, "The image id '[ami-00000000000000000]' does not exist");
    fixture_destroy(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(templates_find_their_images_by_name),
        cmocka_unit_test(a_parameter_leads_to_an_image),
        cmocka_unit_test(ids_differ_from_region_to_region_and_stay),
        cmocka_unit_test(parameters_come_in_pages_by_path),
        cmocka_unit_test(unknown_and_malformed_ids_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
