#include "guest/metadata.h"

#include "base/cleanup.h"
#include "description.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int set_up(void **state)
{
    static struct metadata metadata;
    struct err err;
    json_auto_t *description = json_loads(DESCRIPTION("10.0.1.5", "required"), 0, NULL);
    *state = &metadata;
    return metadata_build(&metadata, description, &err);
}

static int tear_down(void **state)
{
    metadata_reset(*state);
    return 0;
}

static void assert_answer(const struct metadata *metadata, const char *path, const char *expected)
{
    auto_buf out = {0};
    if (!metadata_get(metadata, path, &out))
        fail_msg("nothing at %s", path);
    assert_string_equal(out.data ? out.data : "", expected);
}

static void leaves_have_the_values_of_the_instance(void **state)
{
    assert_answer(*state, "meta-data/instance-id", "i-1");
    assert_answer(*state, "meta-data/ami-launch-index", "0");
    assert_answer(*state, "meta-data/security-groups", "web\nssh");
    assert_answer(*state, "meta-data/public-keys/0/openssh-key", "ssh-ed25519 AAAA my-key");
    assert_answer(*state, "meta-data/tags/instance/Name", "server-1");
    assert_answer(*state, "meta-data/network/interfaces/macs/02:00:00:00:00:01/vpc-id", "vpc-1");
    assert_answer(*state, "meta-data/placement",
                  "availability-zone\navailability-zone-id\ngroup-name\npartition-number\nregion");
    assert_answer(*state, "meta-data/placement/partition-number", "2");
    assert_answer(*state, "meta-data/autoscaling/target-lifecycle-state", "InService");
    assert_answer(*state, "dynamic/fws/instance-monitoring", "disabled");
    assert_answer(*state, "user-data", "#!/bin/sh\necho hi\n");
}

static void each_interface_has_a_directory(void **state)
{
#define SECOND "meta-data/network/interfaces/macs/02:00:00:00:00:02"
    assert_answer(*state, "meta-data/network/interfaces/macs",
                  "02:00:00:00:00:01/\n02:00:00:00:00:02/");
    assert_answer(*state, SECOND "/device-number", "1");
    assert_answer(*state, SECOND "/interface-id", "eni-2");
    assert_answer(*state, SECOND "/local-ipv4s", "10.0.2.7\n127.0.0.9");
    assert_answer(*state, SECOND "/owner-id", "000000000000");
    assert_answer(*state, SECOND "/public-ipv4s", "100.64.0.9");
    assert_answer(*state, SECOND "/ipv4-associations", "100.64.0.9");
    assert_answer(*state, SECOND "/ipv4-associations/100.64.0.9", "127.0.0.9");
#undef SECOND
}

static void directories_end_with_a_slash_and_keys_are_listed_by_name(void **state)
{
    assert_answer(*state, "", "dynamic\nmeta-data\nuser-data");
    assert_answer(*state, "meta-data/services", "domain\npartition");
    assert_answer(*state, "meta-data/network", "interfaces/");
    assert_answer(*state, "meta-data/public-keys", "0=my-key");
    auto_buf out = {0};
    assert_false(metadata_get(*state, "meta-data/spot", &out));
    assert_false(metadata_get(*state, "meta-data/instance", &out));
}

/* As cloud-init does it: one name that does not answer would lose it everything. */
static int crawl(const struct metadata *metadata, const char *path)
{
    auto_buf listing = {0};
    int leaves = 0;

    if (!metadata_get(metadata, path, &listing))
        fail_msg("nothing at %s", path);
    for (char *name = listing.data, *next = name; next; name = next) {
        char child[256];
        next = strchr(name, '\n');
        size_t size = next ? (size_t)(next++ - name) : strlen(name);
        if (name[size - 1] == '/') {
            snprintf(child, sizeof(child), "%s/%.*s", path, (int)size - 1, name);
            leaves += crawl(metadata, child);
            continue;
        }
        bool is_key = memchr(name, '=', size);
        snprintf(child, sizeof(child), "%s/%.*s%s", path, is_key ? 1 : (int)size, name,
                 is_key ? "/openssh-key" : "");
        auto_buf value = {0};
        if (!metadata_get(metadata, child, &value))
            fail_msg("nothing at %s", child);
        leaves++;
    }
    return leaves;
}

static void whatever_is_listed_answers(void **state)
{
    assert_true(crawl(*state, "meta-data") > 40);
    assert_int_equal(crawl(*state, "dynamic"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_have_the_values_of_the_instance),
        cmocka_unit_test(each_interface_has_a_directory),
        cmocka_unit_test(directories_end_with_a_slash_and_keys_are_listed_by_name),
        cmocka_unit_test(whatever_is_listed_answers),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
