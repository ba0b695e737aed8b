/* Which nodes of a load balancer clients are led to, as the health of its target groups changes. */
#include "balancer/group_health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char document[] =
    "{\"HostAddress\": \"100.64.0.1\", \"LoadBalancers\": [{\"Name\": \"app/a/1\","
    " \"DNSName\": \"a.elb.localhost\", \"Vpc\": \"vpc-1\", \"Nodes\": ["
    "  {\"Address\": \"10.0.1.1\", \"AvailabilityZone\": \"a\"},"
    "  {\"Address\": \"10.0.2.1\", \"AvailabilityZone\": \"b\"}],"
    " \"Listeners\": [{\"Protocol\": \"HTTP\", \"Port\": 80, \"DefaultActions\":"
    "  [{\"Type\": \"forward\", \"TargetGroupArn\": \"t\"}]}]}],"
    " \"TargetGroups\": [{\"TargetGroupArn\": \"t\", \"Name\": \"targetgroup/t/1\","
    "  \"Protocol\": \"HTTP\", \"Port\": 1, \"Attributes\": {%s}, \"Targets\": ["
    "  {\"Id\": \"10.0.1.9\", \"AvailabilityZone\": \"a\"},"
    "  {\"Id\": \"10.0.2.9\", \"AvailabilityZone\": \"b\"},"
    "  {\"Id\": \"10.0.2.8\", \"AvailabilityZone\": \"b\"}]}]}";

#define OFF "\"load_balancing.cross_zone.enabled\": \"false\""
#define DNS "\"target_group_health.dns_failover.minimum_healthy_targets."

static struct {
    struct loop *loop;
    struct traffic_table traffic;
    struct target_table targets;
    struct tls_store tls;
    struct snapshot *snapshot;
    struct group_health *health;
    struct target_group *group;
} world;

static void load(const char *attributes)
{
    char text[4096];
    struct err err;
    int size = snprintf(text, sizeof text, document, attributes);
    world.loop = loop_create(&err);
    traffic_table_init(&world.traffic, 1);
    target_table_init(&world.targets, 1);
    tls_store_init(&world.tls, 1);
    world.snapshot =
        snapshot_load(text, (size_t)size, &world.traffic, &world.targets, &world.tls, &err);
    assert_non_null(world.snapshot);
    world.health = group_health_create(world.loop, 1, NULL, NULL);
    world.snapshot->generation = 1;
    world.group = &world.snapshot->groups[0];
    group_health_admit(world.health, world.snapshot);
    group_health_follow(world.health, world.group);
}

static int unload(void **state)
{
    (void)state;
    group_health_destroy(world.health);
    snapshot_destroy(world.snapshot);
    target_table_finish(&world.targets);
    traffic_table_finish(&world.traffic);
    tls_store_finish(&world.tls);
    loop_destroy(world.loop);
    return 0;
}

static void set(int index, int state)
{
    atomic_store(&world.group->members[index].target->state, state);
    group_health_follow(world.health, world.group);
}

/* The nodes in DNS: bit 0 is that of zone a, bit 1 that of zone b. */
static int nodes(void)
{
    const struct load_balancer *load_balancer = &world.snapshot->load_balancers[0];
    return atomic_load(&load_balancer->nodes[0].in_dns) |
           atomic_load(&load_balancer->nodes[1].in_dns) << 1;
}

static void with_cross_zone_one_healthy_target_keeps_every_node_in_dns(void **state)
{
    (void)state;
    load("");
    assert_int_equal(nodes(), 3); /* nobody is healthy: all stay */
    set(0, TARGET_HEALTHY);
    assert_int_equal(nodes(), 3);
}

static void without_cross_zone_a_node_needs_a_healthy_target_of_its_zone(void **state)
{
    (void)state;
    load(OFF);
    assert_int_equal(nodes(), 3);
    set(0, TARGET_HEALTHY);
    assert_int_equal(nodes(), 1);
    set(1, TARGET_HEALTHY);
    assert_int_equal(nodes(), 3);
    set(0, TARGET_UNHEALTHY);
    assert_int_equal(nodes(), 2);
    set(1, TARGET_UNHEALTHY);
    assert_int_equal(nodes(), 3); /* all zones are bad */
}

static void thresholds_count_by_zone(void **state)
{
    (void)state;
    load(OFF ", " DNS "percentage\": \"60\"");
    set(0, TARGET_HEALTHY);
    set(1, TARGET_HEALTHY);
    assert_int_equal(nodes(), 1); /* half of zone b is not enough */
    set(2, TARGET_HEALTHY);
    assert_int_equal(nodes(), 3);
}

static void each_zone_fails_open_on_its_own(void **state)
{
    (void)state;
    load(OFF);
    set(1, TARGET_HEALTHY);
    assert_true(atomic_load(&target_group_pool(world.group, 0)->open));
    assert_false(atomic_load(&target_group_pool(world.group, 1)->open));
    assert_int_equal(pool_candidates(target_group_pool(world.group, 0)), 1);
    assert_int_equal(pool_candidates(target_group_pool(world.group, 1)), 1);
}

#define TEST(name) cmocka_unit_test_teardown(name, unload)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(with_cross_zone_one_healthy_target_keeps_every_node_in_dns),
        TEST(without_cross_zone_a_node_needs_a_healthy_target_of_its_zone),
        TEST(thresholds_count_by_zone),
        TEST(each_zone_fails_open_on_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
