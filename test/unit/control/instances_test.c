/* The instances controller against a host and a guest that only record what they are told. */
#include "base/cleanup.h"
#include "control/control.h"
#include "service/ec2/public_images.h"
#include "service_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the headers above first. */
#include <cmocka.h>

enum { MESSAGES_KEPT = 64, HOUR_MS = 3600 * 1000 };

struct message {
    enum message_type type;
    char id[ID_SIZE]; /* the first field of every message that is looked at here */
    union {
        struct message_instance_start start;
        struct message_instance_network network;
        struct message_instance_stop stop;
        struct message_image_create image;
        struct message_volume volume;
    };
    char tail[4096];
};

struct world {
    struct service_fixture *fixture;
    struct control_world world;
    struct control *control;
    struct message messages[MESSAGES_KEPT]; /* to host and guest, since the last look */
    int count;
};

static int64_t world_now(void *arg)
{
    return ((struct world *)arg)->fixture->now_ms;
}

static void world_send(void *arg, enum message_type type, const void *payload, size_t size,
                       const void *tail, size_t tail_size)
{
    struct world *world = arg;
    if (type == MESSAGE_AUTHORITY || type == MESSAGE_FABRIC || type == MESSAGE_CONFIGURE ||
        type == MESSAGE_NAMES || type == MESSAGE_CLOCK || type == MESSAGE_FABRIC_DELETE)
        return;
    assert_true(world->count < MESSAGES_KEPT);
    struct message *message = &world->messages[world->count++];
    *message = (struct message){.type = type};
    memcpy(message->id, payload, ID_SIZE);
    if (size <= sizeof message->network)
        memcpy(&message->network, payload, size);
    if (tail_size < sizeof message->tail)
        memcpy(message->tail, tail ? tail : "", tail ? tail_size : 0);
}

static void world_wake_at(void *arg, int64_t due_ms)
{
    (void)arg, (void)due_ms;
}

static void world_log(void *arg, const char *text)
{
    (void)arg;
    print_message("log: %s\n", text);
}

static void start_control(struct world *world)
{
    world->control =
        control_create(world->fixture->store, NULL, &world->world, &world->fixture->err);
    assert_non_null(world->control);
}

static void hello(struct world *world)
{
    struct message_hello message = {0};
    control_receive(world->control, MESSAGE_HOST_HELLO, &message, sizeof message);
    control_tick(world->control);
}

static struct world *create(void)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    world->fixture = fixture_create();
    world->world = (struct control_world){
        .arg = world,
        .now_ms = world_now,
        .send = world_send,
        .wake_at = world_wake_at,
        .log = world_log,
        .service = &world->fixture->world,
        .account = "000000000000",
    };
    start_control(world);
    hello(world);
    return world;
}

static void destroy(struct world *world)
{
    control_destroy(world->control);
    fixture_destroy(world->fixture);
    free(world);
}

/* Launches one instance and runs the controllers. */
static void launch(struct world *world, const char *more, char out[ID_SIZE])
{
    json_auto_t *image = public_image_at("us-east-1", 0);
    json_auto_t *reservation =
        fixture_ok(world->fixture, "ec2", "RunInstances",
                   "{'ImageId': '%s', 'InstanceType': 't3.micro', 'MinCount': 1, 'MaxCount': 1%s}",
                   fixture_text(image, "ImageId"), more);
    snprintf(out, ID_SIZE, "%s", fixture_text(reservation, "Instances.0.InstanceId"));
    control_tick(world->control);
}

static void act(struct world *world, const char *operation, const char *id)
{
    json_decref(fixture_ok(world->fixture, "ec2", operation, "{'InstanceIds': ['%s']}", id));
    control_tick(world->control);
}

static void report(struct world *world, const char *id, uint32_t boot, enum instance_report what,
                   const char *text)
{
    struct message_instance_state state = {.boot = boot, .report = what};
    snprintf(state.instance, ID_SIZE, "%s", id);
    snprintf(state.text, sizeof state.text, "%s", text);
    control_receive(world->control, MESSAGE_INSTANCE_STATE, &state, sizeof state);
    control_tick(world->control);
}

static const json_t *look(const struct world *world, const char *id)
{
    return store_get(world->fixture->store, "instance", "us-east-1", id);
}

static void assert_state(const struct world *world, const char *id, const char *state)
{
    assert_string_equal(fixture_text(look(world, id), "State.Name"), state);
}

/* The first message of this type since forget_messages(), or NULL. */
static const struct message *sent(struct world *world, enum message_type type)
{
    for (int i = 0; i < world->count; i++)
        if (world->messages[i].type == type)
            return &world->messages[i];
    return NULL;
}

static void forget_messages(struct world *world)
{
    world->count = 0;
}

static void run_to_running(struct world *world, const char *more, char id[ID_SIZE])
{
    launch(world, more, id);
    report(world, id, 1, INSTANCE_STARTED, "");
    assert_state(world, id, "running");
    forget_messages(world);
}

static void terminate_to_end(struct world *world, const char *id)
{
    act(world, "TerminateInstances", id);
    report(world, id, 1, INSTANCE_EXITED, "exited with status 0");
    report(world, id, 1, INSTANCE_REMOVED, "");
}

/* ---- starting ---- */

static void a_launch_tells_the_guest_then_the_host(void **state)
{
    (void)state;
    struct world *world = create();
    char id[ID_SIZE];
    launch(world, ", 'UserData': 'IyE='", id);
    assert_int_equal(world->count, 3);
    assert_int_equal(world->messages[0].type, MESSAGE_METADATA);
    assert_int_equal(world->messages[1].type, MESSAGE_INSTANCE_NETWORK);
    assert_int_equal(world->messages[2].type, MESSAGE_INSTANCE_START);
    const struct message_instance_start *start = &world->messages[2].start;
    const json_t *instance = look(world, id);
    assert_string_equal(start->instance, id);
    const struct message_instance_network *network = &world->messages[1].network;
    assert_string_equal(network->instance, id);
    assert_int_equal(network->interface_count, 1);
    const struct instance_interface *interface = network->interfaces;
    assert_string_equal(interface->vpc, fixture_text(instance, "VpcId"));
    assert_string_equal(interface->id,
                        fixture_text(instance, "NetworkInterfaces.0.NetworkInterfaceId"));
    assert_int_equal(interface->prefix, 20);
    assert_int_equal(interface->gateway, (start->address & 0xfffff000) + 1);
    assert_int_equal(interface->address_count, 1);
    assert_int_equal(interface->addresses[0], start->address);
    assert_int_equal(strncmp(start->host_name, "ip-172-31-", 10), 0);
    assert_null(strchr(start->host_name, '.'));
    assert_int_equal(start->boot, 1);
    assert_int_equal(start->cpu_thousandths, 2000);
    assert_int_equal(start->memory_mib, 1024);
    assert_int_equal(start->layer_count, 1);
    assert_string_equal(start->layers[0], "host");
    destroy(world);
}

static void metadata_says_what_imds_needs(void **state)
{
    (void)state;
    struct world *world = create();
    char id[ID_SIZE];
    launch(world, ", 'UserData': 'IyE='", id);
    json_auto_t *metadata = json_loads(world->messages[0].tail, 0, NULL);
    assert_non_null(metadata);
    assert_string_equal(fixture_text(metadata, "InstanceId"), id);
    assert_string_equal(fixture_text(metadata, "UserData"), "IyE=");
    assert_string_equal(fixture_text(metadata, "Interfaces.0.DeviceNumber"), "0");
    assert_string_equal(fixture_text(metadata, "Interfaces.0.VpcCidr"), "172.31.0.0/16");
    assert_string_equal(fixture_text(metadata, "Interfaces.0.VpcCidrs.0"), "172.31.0.0/16");
    assert_string_equal(fixture_text(metadata, "Region"), "us-east-1");
    assert_string_equal(fixture_text(metadata, "SecurityGroups.0"), "default");
    assert_string_equal(fixture_text(metadata, "MetadataOptions.HttpTokens"), "required");
    assert_non_null(fixture_at(metadata, "PublicIpAddress"));
    assert_null(fixture_at(metadata, "KeyName"));
    destroy(world);
}

static void a_started_instance_runs_and_nothing_more_is_sent(void **state)
{
    (void)state;
    struct world *world = create();
    char id[ID_SIZE];
    run_to_running(world, "", id);
    assert_null(fixture_at(look(world, id), "StateReason"));
    control_tick(world->control);
    assert_int_equal(world->count, 0);
    destroy(world);
}

static void a_first_start_that_fails_terminates(void **state)
{
    (void)state;
    struct world *world = create();
    char id[ID_SIZE];
    launch(world, "", id);
    report(world, id, 1, INSTANCE_FAILED, "no memory");
    assert_state(world, id, "terminated");
    assert_string_equal(fixture_text(look(world, id), "StateReason.Code"), "Server.InternalError");
    assert_non_null(sent(world, MESSAGE_INSTANCE_REMOVE));
    destroy(world);
}

/* ---- stopping and starting again ---- */

static void a_stopped_instance_keeps_its_private_address_only(void **state)
{
    (void)state;
    struct world *world = create();
    char id[ID_SIZE], private_ip[16];
    run_to_running(world, "", id);
    snprintf(private_ip, sizeof private_ip, "%s",
             fixture_text(look(world, id), "PrivateIpAddress"));
    act(world, "StopInstances", id);
    assert_state(world, id, "stopping");
    assert_int_equal(sent(world, MESSAGE_INSTANCE_STOP)->stop.force, 0);
    report(world, id, 1, INSTANCE_EXITED, "exited with status 0");
    assert_state(world, id, "stopped");
    assert_string_equal(fixture_text(look(world, id), "PrivateIpAddress"), private_ip);
    assert_null(fixture_at(look(world, id), "PublicIpAddress"));
    forget_messages(world);
    act(world, "StartInstances", id);
    assert_state(world, id, "pending");
    assert_non_null(fixture_at(look(world, id), "PublicIpAddress"));
    assert_int_equal(sent(world, MESSAGE_INSTANCE_START)->start.boot, 2);
    report(world, id, 2, INSTANCE_STARTED, "");
    assert_state(world, id, "running");
    destroy(world);
}

static void a_later_start_that_fails_leaves_it_stopped(void **state)
{
    (void)state;
    struct world *world = create();
    char id[ID_SIZE];
    run_to_running(world, "", id);
    act(world, "StopInstances", id);
    report(world, id, 1, INSTANCE_EXITED, "");
    act(world, "StartInstances", id);
    report(world, id, 2, INSTANCE_FAILED, "no memory");
    assert_state(world, id, "stopped");
    destroy(world);
}

static void a_reboot_stops_and_starts_while_it_stays_running(void **state)
{
    (void)state;
    struct world *world = create();
    char id[ID_SIZE];
    run_to_running(world, "", id);
    act(world, "RebootInstances", id);
    assert_non_null(sent(world, MESSAGE_INSTANCE_STOP));
    assert_null(sent(world, MESSAGE_INSTANCE_START));
    report(world, id, 1, INSTANCE_EXITED, "");
    assert_int_equal(sent(world, MESSAGE_INSTANCE_START)->start.boot, 2);
    assert_state(world, id, "running");
    report(world, id, 2, INSTANCE_STARTED, "");
    assert_state(world, id, "running");
    destroy(world);
}

static void a_shutdown_from_within_follows_the_behavior(void **state)
{
    (void)state;
    struct world *world = create();
    char stops[ID_SIZE], terminates[ID_SIZE];
    run_to_running(world, "", stops);
    run_to_running(world, ", 'InstanceInitiatedShutdownBehavior': 'terminate'", terminates);
    report(world, stops, 1, INSTANCE_EXITED, "exited with status 0");
    report(world, terminates, 1, INSTANCE_EXITED, "exited with status 0");
    assert_state(world, stops, "stopped");
    assert_state(world, terminates, "terminated");
    assert_string_equal(fixture_text(look(world, stops), "StateReason.Message"),
                        "Client.InstanceInitiatedShutdown: Instance initiated shutdown");
    assert_null(sent(world, MESSAGE_INSTANCE_START));
    destroy(world);
}

static void a_reboot_from_within_starts_it_again(void **state)
{
    (void)state;
    struct world *world = create();
    char id[ID_SIZE];
    run_to_running(world, "", id);
    report(world, id, 1, INSTANCE_EXITED, INSTANCE_TEXT_RESTARTED);
    assert_state(world, id, "running");
    assert_int_equal(sent(world, MESSAGE_INSTANCE_START)->start.boot, 2);
    report(world, id, 2, INSTANCE_STARTED, "");
    report(world, id, 2, INSTANCE_EXITED, INSTANCE_TEXT_LOST);
    assert_state(world, id, "running");
    destroy(world);
}

static void an_instance_that_shall_not_be_recovered_stays_stopped(void **state)
{
    (void)state;
    struct world *world = create();
    char id[ID_SIZE];
    run_to_running(world,
                   ", 'MaintenanceOptions': {'AutoRecovery': 'disabled'}, "
                   "'InstanceInitiatedShutdownBehavior': 'terminate'",
                   id);
    report(world, id, 1, INSTANCE_EXITED, INSTANCE_TEXT_LOST);
    assert_state(world, id, "stopped");
    destroy(world);
}

static void report_usage(struct world *world, const char *id, bool unreachable)
{
    struct {
        struct message_usage head;
        struct usage row;
    } message = {.head = {.count = 1, .interval_ms = 1000},
                 .row = {.boot = 1, .cpu_thousandths = 1000, .unreachable = unreachable}};
    snprintf(message.row.instance, ID_SIZE, "%s", id);
    control_receive(world->control, MESSAGE_USAGE, &message, sizeof message);
    control_tick(world->control);
}

static void assert_check(struct world *world, const char *id, const char *status,
                         const char *reachability)
{
    json_auto_t *out =
        fixture_ok(world->fixture, "ec2", "DescribeInstanceStatus", "{'InstanceIds': ['%s']}", id);
    const json_t *row = fixture_at(out, "InstanceStatuses.0");
    assert_string_equal(fixture_text(row, "InstanceStatus.Status"), status);
    assert_string_equal(fixture_text(row, "InstanceStatus.Details.0.Status"), reachability);
    assert_string_equal(fixture_text(row, "SystemStatus.Status"), "ok");
}

static void an_instance_that_nothing_reaches_is_impaired(void **state)
{
    (void)state;
    struct world *world = create();
    char id[ID_SIZE];
    run_to_running(world, "", id);
    world->fixture->now_ms += 60 * 1000;
    report_usage(world, id, false);
    assert_check(world, id, "ok", "passed");
    report_usage(world, id, true);
    assert_check(world, id, "impaired", "failed");
    control_destroy(world->control); /* a new api forgets nothing of it */
    start_control(world);
    hello(world);
    assert_check(world, id, "impaired", "failed");
    report_usage(world, id, false);
    assert_check(world, id, "ok", "passed");
    destroy(world);
}

/* ---- the end ---- */

static void terminating_gives_everything_back(void **state)
{
    (void)state;
    struct world *world = create();
    struct store *store = world->fixture->store;
    char id[ID_SIZE];
    run_to_running(world, "", id);
    act(world, "TerminateInstances", id);
    assert_state(world, id, "shutting-down");
    report(world, id, 1, INSTANCE_EXITED, "");
    assert_state(world, id, "terminated");
    assert_non_null(sent(world, MESSAGE_METADATA_DELETE));
    assert_non_null(sent(world, MESSAGE_INSTANCE_REMOVE));
    assert_int_equal(store_count(store, "network-interface", "us-east-1"), 0);
    assert_int_equal(store_count(store, "public-address", ""), 0);
    assert_int_equal(store_count(store, "slot", ""), 1);
    report(world, id, 1, INSTANCE_REMOVED, "");
    assert_int_equal(store_count(store, "slot", ""), 0);
    world->fixture->now_ms += HOUR_MS - 1;
    control_tick(world->control);
    assert_non_null(look(world, id));
    world->fixture->now_ms += 1;
    control_tick(world->control);
    assert_null(look(world, id));
    destroy(world);
}

static void an_instance_that_the_host_does_not_have_ends_too(void **state)
{
    (void)state;
    struct world *world = create();
    char id[ID_SIZE];
    launch(world, "", id);
    act(world, "TerminateInstances", id);
    report(world, id, 0, INSTANCE_EXITED, "there is no such instance");
    assert_state(world, id, "terminated");
    destroy(world);
}

/* ---- restarts ---- */

static void a_new_host_is_told_what_should_run_and_what_not(void **state)
{
    (void)state;
    struct world *world = create();
    char runs[ID_SIZE], stops[ID_SIZE], gone[ID_SIZE];
    run_to_running(world, "", runs);
    run_to_running(world, "", stops);
    run_to_running(world, "", gone);
    act(world, "StopInstances", stops);
    terminate_to_end(world, gone);
    forget_messages(world);
    hello(world);
    assert_string_equal(sent(world, MESSAGE_INSTANCE_START)->id, runs);
    assert_int_equal(sent(world, MESSAGE_INSTANCE_START)->start.boot, 1);
    assert_string_equal(sent(world, MESSAGE_INSTANCE_STOP)->id, stops);
    assert_string_equal(sent(world, MESSAGE_INSTANCE_NETWORK)->id, runs);
    assert_int_equal(world->count, 3);
    destroy(world);
}

static void an_instance_that_nobody_knows_is_removed(void **state)
{
    (void)state;
    struct world *world = create();
    char known[ID_SIZE];
    launch(world, "", known);
    control_destroy(world->control);
    forget_messages(world);
    start_control(world);
    report(world, "i-00000000000000001", 1, INSTANCE_STARTED, "");
    report(world, known, 1, INSTANCE_STARTED, "");
    assert_string_equal(sent(world, MESSAGE_INSTANCE_REMOVE)->id, "i-00000000000000001");
    assert_state(world, known, "running");
    forget_messages(world);
    report(world, "i-00000000000000001", 1, INSTANCE_REMOVED, "");
    assert_int_equal(world->count, 0);
    destroy(world);
}

static void a_new_api_goes_on_where_the_last_one_was(void **state)
{
    (void)state;
    struct world *world = create();
    char id[ID_SIZE];
    launch(world, "", id);
    control_destroy(world->control);
    forget_messages(world);
    start_control(world);
    hello(world);
    assert_non_null(sent(world, MESSAGE_INSTANCE_START));
    report(world, id, 1, INSTANCE_STARTED, "");
    assert_state(world, id, "running");
    destroy(world);
}

static void a_new_guest_gets_all_metadata_and_a_change_only_its_own(void **state)
{
    (void)state;
    struct world *world = create();
    char first[ID_SIZE], second[ID_SIZE];
    run_to_running(world, "", first);
    run_to_running(world, "", second);
    control_peer_started(world->control, PROCESS_GUEST);
    control_tick(world->control);
    assert_int_equal(world->count, 2);
    forget_messages(world);
    json_decref(fixture_ok(world->fixture, "ec2", "CreateTags",
                           "{'Resources': ['%s'], 'Tags': [{'Key': 'Name', 'Value': 'x'}]}",
                           second));
    control_tick(world->control);
    assert_int_equal(world->count, 1);
    assert_string_equal(world->messages[0].id, second);
    assert_non_null(strstr(world->messages[0].tail, "\"Name\":\"x\""));
    destroy(world);
}

/* ---- network interfaces ---- */

static void create_interface(struct world *world, const char *instance, char id[ID_SIZE])
{
    json_auto_t *out =
        fixture_ok(world->fixture, "ec2", "CreateNetworkInterface", "{'SubnetId': '%s'}",
                   fixture_text(look(world, instance), "SubnetId"));
    snprintf(id, ID_SIZE, "%s", fixture_text(out, "NetworkInterface.NetworkInterfaceId"));
}

static void attach(struct world *world, const char *interface, const char *instance, char id[64])
{
    json_auto_t *out = fixture_ok(
        world->fixture, "ec2", "AttachNetworkInterface",
        "{'NetworkInterfaceId': '%s', 'InstanceId': '%s', 'DeviceIndex': 1}", interface, instance);
    snprintf(id, 64, "%s", fixture_text(out, "AttachmentId"));
    control_tick(world->control);
}

static void detach(struct world *world, const char *attachment)
{
    json_decref(fixture_ok(world->fixture, "ec2", "DetachNetworkInterface",
                           "{'AttachmentId': '%s'}", attachment));
    control_tick(world->control);
}

static void network_done(struct world *world, const char *id, uint64_t generation, bool failed)
{
    struct message_instance_network_done done = {.generation = generation, .failed = failed};
    snprintf(done.instance, ID_SIZE, "%s", id);
    snprintf(done.text, sizeof done.text, "%s", failed ? "no cable" : "");
    control_receive(world->control, MESSAGE_INSTANCE_NETWORK_DONE, &done, sizeof done);
    control_tick(world->control);
}

static const json_t *look_at_interface(const struct world *world, const char *id)
{
    return store_get(world->fixture->store, "network-interface", "us-east-1", id);
}

static void an_interface_is_attached_and_gone_when_the_host_says_so(void **state)
{
    (void)state;
    struct world *world = create();
    char id[ID_SIZE], interface[ID_SIZE], attachment[64];
    run_to_running(world, "", id);
    create_interface(world, id, interface);
    attach(world, interface, id, attachment);
    const struct message_instance_network *told = &sent(world, MESSAGE_INSTANCE_NETWORK)->network;
    assert_int_equal(told->interface_count, 2);
    assert_string_equal(told->interfaces[1].id, interface);
    assert_int_equal(told->interfaces[1].device_index, 1);
    network_done(world, id, told->generation - 1, false); /* of what was told before */
    assert_string_equal(fixture_text(look_at_interface(world, interface), "Attachment.Status"),
                        "attaching");
    network_done(world, id, told->generation, false);
    assert_string_equal(fixture_text(look_at_interface(world, interface), "Attachment.Status"),
                        "attached");
    forget_messages(world);
    detach(world, attachment);
    told = &sent(world, MESSAGE_INSTANCE_NETWORK)->network;
    assert_int_equal(told->interface_count, 1);
    assert_string_equal(fixture_text(look_at_interface(world, interface), "Status"), "in-use");
    network_done(world, id, told->generation, false);
    assert_string_equal(fixture_text(look_at_interface(world, interface), "Status"), "available");
    destroy(world);
}

static void a_host_that_fails_is_told_again_and_a_new_one_too(void **state)
{
    (void)state;
    struct world *world = create();
    char id[ID_SIZE], interface[ID_SIZE], attachment[64];
    run_to_running(world, "", id);
    create_interface(world, id, interface);
    attach(world, interface, id, attachment);
    uint64_t generation = sent(world, MESSAGE_INSTANCE_NETWORK)->network.generation;
    forget_messages(world);
    network_done(world, id, generation, true);
    assert_null(sent(world, MESSAGE_INSTANCE_NETWORK));
    world->fixture->now_ms += 5000;
    control_tick(world->control);
    assert_int_equal(sent(world, MESSAGE_INSTANCE_NETWORK)->network.interface_count, 2);
    forget_messages(world);
    hello(world);
    generation = sent(world, MESSAGE_INSTANCE_NETWORK)->network.generation;
    network_done(world, id, generation, false);
    assert_string_equal(fixture_text(look_at_interface(world, interface), "Attachment.Status"),
                        "attached");
    destroy(world);
}

static void what_a_stopped_instance_has_changes_at_once(void **state)
{
    (void)state;
    struct world *world = create();
    char id[ID_SIZE], interface[ID_SIZE], attachment[64];
    run_to_running(world, "", id);
    act(world, "StopInstances", id);
    report(world, id, 1, INSTANCE_EXITED, "");
    create_interface(world, id, interface);
    attach(world, interface, id, attachment);
    assert_string_equal(fixture_text(look_at_interface(world, interface), "Attachment.Status"),
                        "attached");
    forget_messages(world);
    act(world, "StartInstances", id);
    assert_int_equal(sent(world, MESSAGE_INSTANCE_NETWORK)->network.interface_count, 2);
    assert_null(fixture_at(look(world, id), "PublicIpAddress")); /* as on AWS with several */
    report(world, id, 2, INSTANCE_STARTED, "");
    act(world, "StopInstances", id);
    report(world, id, 2, INSTANCE_EXITED, "");
    detach(world, attachment);
    assert_string_equal(fixture_text(look_at_interface(world, interface), "Status"), "available");
    destroy(world);
}

static void a_terminated_instance_leaves_what_is_not_deleted_with_it(void **state)
{
    (void)state;
    struct world *world = create();
    char id[ID_SIZE], interface[ID_SIZE], attachment[64];
    run_to_running(world, "", id);
    create_interface(world, id, interface);
    attach(world, interface, id, attachment);
    terminate_to_end(world, id);
    assert_string_equal(fixture_text(look_at_interface(world, interface), "Status"), "available");
    assert_int_equal(store_count(world->fixture->store, "network-interface", "us-east-1"), 1);
    json_decref(fixture_ok(world->fixture, "ec2", "DeleteNetworkInterface",
                           "{'NetworkInterfaceId': '%s'}", interface));
    destroy(world);
}

/* ---- images ---- */

static void image_done(struct world *world, const char *id, bool failed)
{
    struct message_image_done done = {.failed = failed};
    snprintf(done.image, ID_SIZE, "%s", id);
    snprintf(done.text, sizeof done.text, "%s", failed ? "disk full" : "");
    control_receive(world->control, MESSAGE_IMAGE_DONE, &done, sizeof done);
    control_tick(world->control);
}

static void create_image(struct world *world, const char *instance, const char *more,
                         char out[ID_SIZE])
{
    json_auto_t *created = fixture_ok(world->fixture, "ec2", "CreateImage",
                                      "{'InstanceId': '%s', 'Name': 'mine'%s}", instance, more);
    snprintf(out, ID_SIZE, "%s", fixture_text(created, "ImageId"));
    control_tick(world->control);
}

static void an_image_is_made_while_its_instance_stands_still(void **state)
{
    (void)state;
    struct world *world = create();
    char id[ID_SIZE], image[ID_SIZE];
    run_to_running(world, "", id);
    create_image(world, id, "", image);
    assert_non_null(sent(world, MESSAGE_INSTANCE_STOP));
    assert_null(sent(world, MESSAGE_IMAGE_CREATE));
    report(world, id, 1, INSTANCE_EXITED, "");
    assert_string_equal(sent(world, MESSAGE_IMAGE_CREATE)->image.instance, id);
    assert_null(sent(world, MESSAGE_INSTANCE_START));
    image_done(world, sent(world, MESSAGE_IMAGE_CREATE)->id, false);
    assert_int_equal(sent(world, MESSAGE_INSTANCE_START)->start.boot, 2);
    json_auto_t *shown =
        fixture_ok(world->fixture, "ec2", "DescribeImages", "{'ImageIds': ['%s']}", image);
    assert_string_equal(fixture_text(shown, "Images.0.State"), "available");
    destroy(world);
}

static void an_image_without_reboot_can_be_launched_and_outlives_deregistration(void **state)
{
    (void)state;
    struct world *world = create();
    char id[ID_SIZE], image[ID_SIZE], snapshot[ID_SIZE], copy[ID_SIZE];
    run_to_running(world, "", id);
    create_image(world, id, ", 'NoReboot': true", image);
    assert_null(sent(world, MESSAGE_INSTANCE_STOP));
    memcpy(snapshot, sent(world, MESSAGE_IMAGE_CREATE)->id, ID_SIZE);
    image_done(world, snapshot, false);
    json_auto_t *out = fixture_ok(world->fixture, "ec2", "RunInstances",
                                  "{'ImageId': '%s', 'InstanceType': 't3.micro', 'MinCount': 1, "
                                  "'MaxCount': 1}",
                                  image);
    snprintf(copy, sizeof copy, "%s", fixture_text(out, "Instances.0.InstanceId"));
    control_tick(world->control);
    assert_string_equal(sent(world, MESSAGE_INSTANCE_START)->start.layers[1], snapshot);
    fixture_fails(world->fixture, "InvalidSnapshot.InUse", "ec2", "DeleteSnapshot",
                  "{'SnapshotId': '%s'}", snapshot);
    json_decref(fixture_ok(world->fixture, "ec2", "DeregisterImage", "{'ImageId': '%s'}", image));
    control_tick(world->control);
    assert_int_equal(store_count(world->fixture->store, "image", "us-east-1"), 0);
    forget_messages(world);
    json_decref(
        fixture_ok(world->fixture, "ec2", "DeleteSnapshot", "{'SnapshotId': '%s'}", snapshot));
    control_tick(world->control);
    assert_null(sent(world, MESSAGE_IMAGE_DELETE)); /* an instance stands on it */
    terminate_to_end(world, copy);
    assert_string_equal(sent(world, MESSAGE_IMAGE_DELETE)->id, snapshot);
    assert_int_equal(store_count(world->fixture->store, "snapshot", "us-east-1"), 0);
    destroy(world);
}

static void a_failed_image_says_why(void **state)
{
    (void)state;
    struct world *world = create();
    char id[ID_SIZE], image[ID_SIZE];
    run_to_running(world, "", id);
    create_image(world, id, ", 'NoReboot': true", image);
    image_done(world, sent(world, MESSAGE_IMAGE_CREATE)->id, true);
    json_auto_t *shown =
        fixture_ok(world->fixture, "ec2", "DescribeImages", "{'ImageIds': ['%s']}", image);
    assert_string_equal(fixture_text(shown, "Images.0.State"), "failed");
    assert_string_equal(fixture_text(shown, "Images.0.StateReason.Message"),
                        "Server.InternalError: disk full");
    destroy(world);
}

/* ---- volumes ---- */

static void volume_report(struct world *world, const struct message *about, uint32_t what,
                          const char *text)
{
    struct message_volume_state state = {.report = what, .gib = about->volume.gib};
    memcpy(state.volume, about->volume.volume, ID_SIZE);
    memcpy(state.instance, about->volume.instance, ID_SIZE);
    snprintf(state.text, sizeof state.text, "%s", text);
    control_receive(world->control, MESSAGE_VOLUME_STATE, &state, sizeof state);
    control_tick(world->control);
}

static const char data_volume[] =
    ", 'BlockDeviceMappings': [{'DeviceName': '/dev/sdf', 'Ebs': {'VolumeSize': 5}}]";

static void a_launch_waits_for_its_volumes(void **state)
{
    (void)state;
    struct world *world = create();
    char id[ID_SIZE];
    launch(world, data_volume, id);
    const struct message *asked = sent(world, MESSAGE_VOLUME_MAKE);
    assert_int_equal(asked->volume.gib, 5);
    assert_null(sent(world, MESSAGE_INSTANCE_START));
    volume_report(world, asked, VOLUME_MADE, "");
    const struct message_instance_start *start = &sent(world, MESSAGE_INSTANCE_START)->start;
    assert_int_equal(start->root_gib, 8);
    assert_int_equal(start->volume_count, 1);
    assert_string_equal(start->volumes[0].volume, asked->id);
    assert_string_equal(start->volumes[0].device, "sdf");
    report(world, id, 1, INSTANCE_STARTED, "");
    assert_string_equal(fixture_text(look(world, id), "BlockDeviceMappings.1.Ebs.Status"),
                        "attached");
    destroy(world);
}

static void a_volume_that_cannot_be_made_ends_the_launch(void **state)
{
    (void)state;
    struct world *world = create();
    char id[ID_SIZE];
    launch(world, data_volume, id);
    volume_report(world, sent(world, MESSAGE_VOLUME_MAKE), VOLUME_NOT_MADE,
                  "the disk of the machine is full");
    assert_state(world, id, "terminated");
    assert_non_null(strstr(fixture_text(look(world, id), "StateReason.Message"),
                           "the disk of the machine is full"));
    assert_int_equal(store_count(world->fixture->store, "volume", "us-east-1"), 0);
    destroy(world);
}

static void volumes_end_with_their_instance_unless_they_are_kept(void **state)
{
    (void)state;
    struct world *world = create();
    char id[ID_SIZE];
    launch(world,
           ", 'BlockDeviceMappings': [{'DeviceName': '/dev/sdf', 'Ebs': {'VolumeSize': 5, "
           "'DeleteOnTermination': false}}]",
           id);
    const struct message *asked = sent(world, MESSAGE_VOLUME_MAKE);
    char kept[ID_SIZE], root[ID_SIZE];
    memcpy(kept, asked->id, ID_SIZE);
    volume_report(world, asked, VOLUME_MADE, "");
    memcpy(root, sent(world, MESSAGE_INSTANCE_START)->start.root_volume, ID_SIZE);
    report(world, id, 1, INSTANCE_STARTED, "");
    forget_messages(world);
    terminate_to_end(world, id);
    assert_string_equal(sent(world, MESSAGE_VOLUME_DELETE)->id, root);
    const json_t *volume = store_get(world->fixture->store, "volume", "us-east-1", kept);
    assert_string_equal(fixture_text(volume, "State"), "available");
    assert_null(store_get(world->fixture->store, "volume", "us-east-1", root));
    destroy(world);
}

static void a_busy_volume_is_told_again_until_it_is_free(void **state)
{
    (void)state;
    struct world *world = create();
    char id[ID_SIZE];
    launch(world, data_volume, id);
    char volume[ID_SIZE];
    memcpy(volume, sent(world, MESSAGE_VOLUME_MAKE)->id, ID_SIZE);
    volume_report(world, sent(world, MESSAGE_VOLUME_MAKE), VOLUME_MADE, "");
    report(world, id, 1, INSTANCE_STARTED, "");
    json_decref(fixture_ok(world->fixture, "ec2", "DetachVolume", "{'VolumeId': '%s'}", volume));
    control_tick(world->control);
    const struct message *asked = sent(world, MESSAGE_VOLUME_DETACH);
    assert_string_equal(asked->volume.instance, id);
    struct message first = *asked;
    forget_messages(world);
    volume_report(world, &first, VOLUME_BUSY, "");
    assert_null(sent(world, MESSAGE_VOLUME_DETACH));
    world->fixture->now_ms += 5000;
    control_tick(world->control);
    assert_non_null(sent(world, MESSAGE_VOLUME_DETACH));
    volume_report(world, &first, VOLUME_DETACHED, "");
    const json_t *doc = store_get(world->fixture->store, "volume", "us-east-1", volume);
    assert_string_equal(fixture_text(doc, "State"), "available");
    assert_null(fixture_at(look(world, id), "BlockDeviceMappings.1"));
    destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_launch_tells_the_guest_then_the_host),
        cmocka_unit_test(metadata_says_what_imds_needs),
        cmocka_unit_test(a_started_instance_runs_and_nothing_more_is_sent),
        cmocka_unit_test(a_first_start_that_fails_terminates),
        cmocka_unit_test(a_stopped_instance_keeps_its_private_address_only),
        cmocka_unit_test(a_later_start_that_fails_leaves_it_stopped),
        cmocka_unit_test(a_reboot_stops_and_starts_while_it_stays_running),
        cmocka_unit_test(a_shutdown_from_within_follows_the_behavior),
        cmocka_unit_test(a_reboot_from_within_starts_it_again),
        cmocka_unit_test(an_instance_that_nothing_reaches_is_impaired),
        cmocka_unit_test(an_instance_that_shall_not_be_recovered_stays_stopped),
        cmocka_unit_test(terminating_gives_everything_back),
        cmocka_unit_test(an_instance_that_the_host_does_not_have_ends_too),
        cmocka_unit_test(a_new_host_is_told_what_should_run_and_what_not),
        cmocka_unit_test(an_instance_that_nobody_knows_is_removed),
        cmocka_unit_test(a_new_api_goes_on_where_the_last_one_was),
        cmocka_unit_test(a_new_guest_gets_all_metadata_and_a_change_only_its_own),
        cmocka_unit_test(an_interface_is_attached_and_gone_when_the_host_says_so),
        cmocka_unit_test(a_host_that_fails_is_told_again_and_a_new_one_too),
        cmocka_unit_test(what_a_stopped_instance_has_changes_at_once),
        cmocka_unit_test(a_terminated_instance_leaves_what_is_not_deleted_with_it),
        cmocka_unit_test(an_image_is_made_while_its_instance_stands_still),
        cmocka_unit_test(an_image_without_reboot_can_be_launched_and_outlives_deregistration),
        cmocka_unit_test(a_failed_image_says_why),
        cmocka_unit_test(a_launch_waits_for_its_volumes),
        cmocka_unit_test(a_volume_that_cannot_be_made_ends_the_launch),
        cmocka_unit_test(volumes_end_with_their_instance_unless_they_are_kept),
        cmocka_unit_test(a_busy_volume_is_told_again_until_it_is_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
