/* The interfaces of an instance, with actions that only write down what they were asked for. */
#include "host/run/attachments.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct attachments attachments;
    struct message_instance_network wanted;
    char done[512];    /* "keep plug eni-1 keep " */
    const char *fails; /* the interface that cannot be plugged in */
    bool keep_fails;
};

static void note(struct fixture *fixture, const char *what, const char *id)
{
    size_t used = strlen(fixture->done);
    snprintf(fixture->done + used, sizeof fixture->done - used, "%s %s ", what, id);
}

static int plug(void *owner, const struct instance_interface *interface, int netns_fd,
                struct err *err)
{
    struct fixture *fixture = owner;
    assert_int_equal(netns_fd, 7);
    if (fixture->fails && !strcmp(fixture->fails, interface->id))
        return err_set(err, "no cable");
    note(fixture, "plug", interface->id);
    return 0;
}

static void readdress(void *owner, const struct instance_interface *from,
                      const struct instance_interface *to, int netns_fd)
{
    assert_int_equal(netns_fd, 7);
    assert_string_equal(from->id, to->id);
    note(owner, "readdress", to->id);
}

static void unplug(void *owner, const struct instance_interface *interface,
                   struct net_counters *gone)
{
    note(owner, "unplug", interface->id);
    gone->sent_bytes += 100;
}

static int keep(void *owner, struct err *err)
{
    struct fixture *fixture = owner;
    if (fixture->keep_fails)
        return err_set(err, "disk full");
    note(fixture, "keep", "-");
    return 0;
}

static struct attachments_actions actions_of(struct fixture *fixture)
{
    return (struct attachments_actions){plug, readdress, unplug, fixture};
}

static int apply(struct fixture *fixture)
{
    struct err err;
    struct attachments_actions actions = actions_of(fixture);
    struct attachments_work work = {&actions, 7, keep, fixture};
    fixture->done[0] = '\0';
    return attachments_apply(&fixture->attachments, &fixture->wanted, &work, &err);
}

static struct instance_interface *want(struct fixture *fixture, const char *id, uint32_t index)
{
    struct instance_interface *row = &fixture->wanted.interfaces[fixture->wanted.interface_count++];
    *row = (struct instance_interface){.device_index = index,
                                       .gateway = 0x0a000001,
                                       .prefix = 24,
                                       .address_count = 1,
                                       .addresses = {0x0a000005 + index}};
    snprintf(row->id, sizeof row->id, "%s", id);
    snprintf(row->vpc, sizeof row->vpc, "vpc-1");
    return row;
}

static void what_is_plugged_in_is_noted_before_and_after(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    want(&fixture, "eni-1", 0);
    want(&fixture, "eni-2", 1);
    assert_int_equal(apply(&fixture), 0);
    assert_string_equal(fixture.done, "keep - plug eni-1 plug eni-2 keep - ");
    assert_int_equal(apply(&fixture), 0); /* the same again is nothing to do */
    assert_string_equal(fixture.done, "");
}

static void what_is_not_wanted_goes_first_and_its_traffic_counts_on(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    want(&fixture, "eni-1", 0);
    want(&fixture, "eni-2", 1);
    apply(&fixture);
    fixture.wanted.interface_count = 1;
    want(&fixture, "eni-3", 1);
    assert_int_equal(apply(&fixture), 0);
    assert_string_equal(fixture.done, "unplug eni-2 keep - plug eni-3 keep - ");
    assert_int_equal(fixture.attachments.gone.sent_bytes, 100);
    struct attachments_actions actions = actions_of(&fixture);
    attachments_end(&fixture.attachments, &actions);
    assert_int_equal(fixture.attachments.count, 0);
    assert_int_equal(fixture.attachments.gone.sent_bytes, 0);
}

static void an_address_more_leaves_the_cable_alone(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    struct instance_interface *row = want(&fixture, "eni-1", 0);
    apply(&fixture);
    row->addresses[row->address_count++] = 0x0a000009;
    assert_int_equal(apply(&fixture), 0);
    assert_string_equal(fixture.done, "readdress eni-1 keep - ");
    row->addresses[0] = 0x0a000007; /* another primary address is another cable */
    assert_int_equal(apply(&fixture), 0);
    assert_string_equal(fixture.done, "unplug eni-1 keep - plug eni-1 keep - ");
}

static void what_failed_or_was_interrupted_is_plugged_in_again(void **state)
{
    (void)state;
    struct fixture fixture = {.fails = "eni-2"};
    want(&fixture, "eni-1", 0);
    want(&fixture, "eni-2", 1);
    assert_int_equal(apply(&fixture), -1);
    assert_string_equal(fixture.done, "keep - plug eni-1 ");
    fixture.fails = NULL;
    assert_int_equal(apply(&fixture), 0);
    assert_string_equal(fixture.done, "plug eni-2 keep - ");

    fixture.attachments.rows[1].made = 0; /* as a host finds it that died in between */
    assert_int_equal(apply(&fixture), 0);
    assert_string_equal(fixture.done, "plug eni-2 keep - ");
    fixture.attachments.rows[1].made = 0;
    fixture.wanted.interface_count = 1;
    assert_int_equal(apply(&fixture), 0);
    assert_string_equal(fixture.done, "unplug eni-2 keep - ");
}

static void nothing_is_plugged_in_that_cannot_be_noted(void **state)
{
    (void)state;
    struct fixture fixture = {.keep_fails = true};
    want(&fixture, "eni-1", 0);
    assert_int_equal(apply(&fixture), -1);
    assert_string_equal(fixture.done, "");
}

static void a_message_names_a_primary_interface_and_no_place_twice(void **state)
{
    (void)state;
    struct err err;
    struct fixture fixture = {0};
    assert_int_equal(attachments_check(&fixture.wanted, &err), -1);
    struct instance_interface *first = want(&fixture, "eni-1", 0);
    struct instance_interface *second = want(&fixture, "eni-2", 1);
    assert_int_equal(attachments_check(&fixture.wanted, &err), 0);
    second->device_index = 0;
    assert_int_equal(attachments_check(&fixture.wanted, &err), -1);
    second->device_index = INSTANCE_INTERFACES_MAX;
    assert_int_equal(attachments_check(&fixture.wanted, &err), -1);
    second->device_index = 2;
    first->device_index = 1;
    assert_int_equal(attachments_check(&fixture.wanted, &err), -1);
    first->device_index = 0;
    second->address_count = INTERFACE_ADDRESSES_MAX + 1;
    assert_int_equal(attachments_check(&fixture.wanted, &err), -1);
    second->address_count = 1;
    snprintf(second->id, sizeof second->id, "../../x");
    assert_int_equal(attachments_check(&fixture.wanted, &err), -1);
    fixture.wanted.interface_count = INSTANCE_INTERFACES_MAX + 1;
    assert_int_equal(attachments_check(&fixture.wanted, &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_plugged_in_is_noted_before_and_after),
        cmocka_unit_test(what_is_not_wanted_goes_first_and_its_traffic_counts_on),
        cmocka_unit_test(an_address_more_leaves_the_cable_alone),
        cmocka_unit_test(what_failed_or_was_interrupted_is_plugged_in_again),
        cmocka_unit_test(nothing_is_plugged_in_that_cannot_be_noted),
        cmocka_unit_test(a_message_names_a_primary_interface_and_no_place_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
