/* A host: machines that start after a while, fail, die; fabrics that are remembered. */
#include "simulated_cloud.h"
#include "simulated_cloud_impl.h"

#include "base/cleanup.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { START_MS = 2000, STOP_MS = 3000, REMOVE_MS = 1000, FABRIC_MS = 500, NETWORK_MS = 500 };

struct machine *cloud_machine(struct simulated_cloud *cloud, const char *instance_id)
{
    return map_get(&cloud->machines, instance_id);
}

static void report_state(struct simulated_cloud *cloud, int64_t most_ms, const char *id,
                         uint32_t boot, enum instance_report report, const char *text)
{
    struct message_instance_state state = {.boot = boot, .report = report};
    snprintf(state.instance, sizeof state.instance, "%s", id);
    snprintf(state.text, sizeof state.text, "%s", text);
    simulated_report(cloud, simulated_delay(cloud, most_ms), PROCESS_HOST, MESSAGE_INSTANCE_STATE,
                     &state, sizeof state);
}

/* The machine of an instance, made if it is new. */
static struct machine *get_machine(struct simulated_cloud *cloud, const char *id)
{
    struct machine *machine = cloud_machine(cloud, id);
    if (machine)
        return machine;
    machine = calloc(1, sizeof *machine);
    assert(machine);
    snprintf(machine->id, sizeof machine->id, "%s", id);
    map_set(&cloud->machines, machine->id, machine);
    return machine;
}

static void start(struct simulated_cloud *cloud, const struct message_instance_start *message)
{
    struct machine *machine = get_machine(cloud, message->instance);
    bool is_new = message->boot > machine->boot;
    if (is_new) {
        machine->boot = message->boot;
        machine->cpu_thousandths = message->cpu_thousandths;
        machine->cpu_us = 0;
        machine->sick = machine->busy = false;
        machine->running = !cloud_chance(cloud, cloud->faults.start_fails);
    }
    if (machine->running)
        report_state(cloud, START_MS, machine->id, machine->boot, INSTANCE_STARTED, "");
    else
        report_state(cloud, START_MS, machine->id, machine->boot,
                     is_new ? INSTANCE_FAILED : INSTANCE_EXITED, "no room left on the host");
}

static void stop(struct simulated_cloud *cloud, const struct message_instance_stop *message)
{
    struct machine *machine = cloud_machine(cloud, message->instance);
    if (machine)
        machine->running = false;
    report_state(cloud, STOP_MS, message->instance, machine ? machine->boot : 0, INSTANCE_EXITED,
                 "exited with status 0");
}

static void remove_machine(struct simulated_cloud *cloud, const struct message_id *message)
{
    free(map_remove(&cloud->machines, message->id));
    report_state(cloud, REMOVE_MS, message->id, 0, INSTANCE_REMOVED, "");
}

static void take_network(struct simulated_cloud *cloud,
                         const struct message_instance_network *network)
{
    struct message_instance_network_done done = {
        .generation = network->generation,
        .failed = cloud_chance(cloud, cloud->faults.start_fails),
    };
    if (done.failed)
        snprintf(done.text, sizeof done.text, "no room left on the host");
    else
        get_machine(cloud, network->instance)->interface_count = network->interface_count;
    memcpy(done.instance, network->instance, sizeof done.instance);
    simulated_report(cloud, simulated_delay(cloud, NETWORK_MS), PROCESS_HOST,
                     MESSAGE_INSTANCE_NETWORK_DONE, &done, sizeof done);
}

static void take_fabric(struct simulated_cloud *cloud, const struct fabric *fabric,
                        const void *tail, size_t tail_size)
{
    struct simulated_fabric *kept = calloc(1, sizeof *kept + sizeof *fabric + tail_size);
    struct message_fabric_done done = {.generation = fabric->generation};
    assert(kept);
    kept->size = sizeof *fabric + tail_size;
    memcpy(kept->bytes, fabric, sizeof *fabric);
    if (tail_size)
        memcpy(kept->bytes + sizeof *fabric, tail, tail_size);
    free(map_remove(&cloud->fabrics, fabric->vpc));
    map_set(&cloud->fabrics, fabric->vpc, kept);
    memcpy(done.vpc, fabric->vpc, sizeof done.vpc);
    simulated_report(cloud, simulated_delay(cloud, FABRIC_MS), PROCESS_HOST, MESSAGE_FABRIC_DONE,
                     &done, sizeof done);
}

void simulated_host_send(struct simulated_cloud *cloud, enum message_type type, const void *payload,
                         const void *tail, size_t tail_size)
{
    if (type == MESSAGE_INSTANCE_NETWORK)
        take_network(cloud, payload);
    else if (type == MESSAGE_INSTANCE_START)
        start(cloud, payload);
    else if (type == MESSAGE_INSTANCE_STOP)
        stop(cloud, payload);
    else if (type == MESSAGE_INSTANCE_REMOVE)
        remove_machine(cloud, payload);
    else if (type == MESSAGE_FABRIC)
        take_fabric(cloud, payload, tail, tail_size);
    else if (type == MESSAGE_FABRIC_DELETE)
        free(map_remove(&cloud->fabrics, ((const struct message_id *)payload)->id));
}

void cloud_kill(struct simulated_cloud *cloud, struct machine *machine)
{
    if (!machine->running)
        return;
    machine->running = false;
    if (cloud->host_present)
        report_state(cloud, 100, machine->id, machine->boot, INSTANCE_EXITED, "killed by signal 9");
}

static int count_running(const struct simulated_cloud *cloud)
{
    int count = 0;
    map_each (entry, &cloud->machines)
        count += ((const struct machine *)entry->value)->running;
    return count;
}

static void live_on(struct simulated_cloud *cloud, struct machine *machine, int running)
{
    double share = cloud->load / running;
    double capacity = machine->cpu_thousandths / 1000.0;
    double used = machine->busy || share > capacity ? capacity : share;
    machine->cpu_us += (uint64_t)(used * SIMULATED_USAGE_MS * 1000);
    if (machine->sick)
        machine->sick = !cloud_chance(cloud, cloud->faults.recovers);
    else
        machine->sick = cloud_chance(cloud, cloud->faults.turns_sick);
    if (cloud_chance(cloud, cloud->faults.dies))
        cloud_kill(cloud, machine);
}

void simulated_host_usage(struct simulated_cloud *cloud)
{
    int running = count_running(cloud);
    size_t size = sizeof(struct message_usage) + (size_t)running * sizeof(struct usage);
    auto_free struct message_usage *message = calloc(1, size);
    assert(message);
    struct usage *rows = (struct usage *)(message + 1);
    message->interval_ms = SIMULATED_USAGE_MS;
    map_each (entry, &cloud->machines) {
        struct machine *machine = entry->value;
        if (!machine->running)
            continue;
        live_on(cloud, machine, running);
        struct usage *row = &rows[message->count++];
        row->boot = machine->boot;
        row->cpu_thousandths = machine->cpu_thousandths;
        row->cpu_us = machine->cpu_us;
        memcpy(row->instance, machine->id, sizeof row->instance);
    }
    if (cloud->host_present)
        control_receive(cloud->control, MESSAGE_USAGE, message, size);
}

void cloud_host_leaves(struct simulated_cloud *cloud)
{
    cloud->host_present = false;
}

void cloud_host_returns(struct simulated_cloud *cloud, bool keeps_machines)
{
    struct message_hello hello = {.world = 0, .host_address = 0x64400001};
    map_each (entry, &cloud->fabrics)
        free(entry->value);
    map_finish(&cloud->fabrics);
    cloud->fabrics = (struct map){0};
    if (!keeps_machines)
        map_each (entry, &cloud->machines)
            ((struct machine *)entry->value)->running = false;
    cloud->host_present = true;
    control_peer_started(cloud->control, PROCESS_HOST);
    control_receive(cloud->control, MESSAGE_HOST_HELLO, &hello, sizeof hello);
}
