#include "host/run/instances.h"

#include "base/cleanup.h"
#include "base/fsm.h"
#include "base/map.h"
#include "host/run/console.h"
#include "host/run/filter.h"
#include "host/run/instance_record.h"
#include "host/run/rootfs.h"
#include "host/run/spawn.h"
#include "host/run/userns.h"
#include "host/volume/attach.h"
#include "ipc/id.h"
#include "os/clock.h"
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

enum { PATH_SIZE = 512, START_TIMEOUT_MS = 20000, STOP_TIMEOUT_MS = 30000, KILL_WAIT_MS = 5000 };

/*
 *   stopped --> starting --> running --> stopping --> stopped
 *      ^___________|____________|
 */
static const char STOPPED[] = "stopped", STARTING[] = "starting", RUNNING[] = "running",
                  STOPPING[] = "stopping";

static const struct fsm_state states[] = {
    {STOPPED, {STARTING}},
    {STARTING, {RUNNING, STOPPED}},
    {RUNNING, {STOPPING, STOPPED}},
    {STOPPING, {STOPPED}},
};

static const struct fsm instance_fsm = {"instance on the host", states, 4};

struct instance {
    struct instances *set;
    const char *state;
    struct instance_record record;
    char dir[PATH_SIZE];
    struct spawn_progress spawn;
    struct loop_watch watch; /* of the spawn's socket while starting, of PID 1 afterwards */
    struct loop_timer timer; /* patience while starting or stopping */
    int pidfd;
    bool wanted;    /* to be started (again) with `next` as soon as it is stopped */
    bool removed;   /* to be removed as soon as it is stopped */
    bool ungrouped; /* its cgroup is still to be removed */
    struct message_instance_start next;
    struct message_instance_network network; /* that it shall have; no interfaces: not told yet */
};

struct instances {
    struct instances_options options;
    struct cgroups cgroups;
    struct sock_fprog filter;
    struct message_authority authority;
    char stage_dir[PATH_SIZE];
    struct map by_id;
    bool ready;
    struct err not_ready; /* why it never will be, when text is set */
};

static void begin(struct instance *instance);
static void on_patience(struct loop_timer *timer);

static void move(struct instance *instance, const char *to)
{
    instance->state = fsm_move(&instance_fsm, instance->state, to);
}

static bool is(const struct instance *instance, const char *state)
{
    return !strcmp(instance->state, state);
}

/* ---- records and reports ---- */

/* A record that cannot be written costs the adoption of one instance, not its running. */
static void keep_record(struct instance *instance)
{
    struct err ignored;
    instance_record_write(instance->set->options.records_dir, &instance->record, &ignored);
}

static void report(struct instance *instance, enum instance_report what, const char *text)
{
    struct message_instance_state *state = &instance->record.state;
    *state = (struct message_instance_state){.boot = instance->record.start.boot, .report = what};
    memcpy(state->instance, instance->record.start.instance, ID_SIZE);
    snprintf(state->text, sizeof state->text, "%s", text);
    keep_record(instance);
    instance->set->options.report(instance->set->options.owner, state);
}

static int keep(void *owner, struct err *err)
{
    const struct instance *instance = owner;
    return instance_record_write(instance->set->options.records_dir, &instance->record, err);
}

static void report_unknown(struct instances *set, const char *id, uint32_t boot,
                           enum instance_report what, const char *text)
{
    struct message_instance_state state = {.boot = boot, .report = what};
    snprintf(state.instance, sizeof state.instance, "%s", id);
    snprintf(state.text, sizeof state.text, "%s", text);
    set->options.report(set->options.owner, &state);
}

/* ---- the set ---- */

static struct instance *add(struct instances *set, const char *id, struct err *err)
{
    auto_free struct instance *instance = calloc(1, sizeof *instance);
    if (!instance || map_set(&set->by_id, id, instance) < 0) {
        err_sys(err, ENOMEM, "instance %s", id);
        return NULL;
    }
    instance->set = set;
    instance->state = STOPPED;
    instance->pidfd = -1;
    instance->spawn = (struct spawn_progress){.sync_fd = -1, .pidfd = -1};
    instance->watch = (struct loop_watch){.fd = -1, .owner = instance};
    snprintf(instance->record.start.instance, ID_SIZE, "%s", id);
    snprintf(instance->dir, sizeof instance->dir, "%s/%s", set->options.instances_dir, id);
    loop_timer_init(&instance->timer, on_patience, instance);
    return ptr_take(&instance);
}

static void release(struct instance *instance)
{
    loop_unwatch(instance->set->options.loop, &instance->watch);
    loop_timer_clear(instance->set->options.loop, &instance->timer);
    spawn_abort(&instance->spawn);
    if (instance->pidfd >= 0)
        close(instance->pidfd);
    free(instance);
}

/* The instance's files are hidden at once by a new name; deleting them takes longer. */
static void finish_removal(struct instance *instance)
{
    struct instances *set = instance->set;
    char id[ID_SIZE], gone[PATH_SIZE];
    memcpy(id, instance->record.start.instance, ID_SIZE);
    snprintf(gone, sizeof gone, "%s/.gone-%s", set->options.instances_dir, id);
    if (rename(instance->dir, gone) < 0 && errno != ENOENT) {
        report(instance, INSTANCE_EXITED, "its files cannot be removed");
        instance->removed = false;
        return;
    }
    cgroup_remove(&set->cgroups, id);
    instance_record_remove(set->options.records_dir, id);
    console_remove(set->options.console_dir, id);
    map_remove(&set->by_id, id);
    uint32_t boot = instance->record.start.boot;
    release(instance);
    report_unknown(set, id, boot, INSTANCE_REMOVED, "");
    set->options.on_removed(set->options.owner);
}

/* What was asked for while it could not be done yet. */
static void go_on(struct instance *instance)
{
    if (!is(instance, STOPPED))
        return;
    if (instance->removed)
        finish_removal(instance);
    else if (instance->wanted)
        begin(instance);
}

/* ---- the end of an instance ---- */

static void describe_exit(int pidfd, char *text, size_t size)
{
    siginfo_t info = {0};
    if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG) < 0 || !info.si_pid)
        snprintf(text, size, "its first process ended"); /* an adopted one: not our child */
    else if (info.si_code == CLD_EXITED)
        snprintf(text, size, "its first process ended with status %d", info.si_status);
    else if (info.si_status == SIGHUP)
        snprintf(text, size,
                 INSTANCE_TEXT_RESTARTED); /* what the kernel makes of reboot(2) there */
    else if (info.si_status == SIGINT)
        snprintf(text, size, "it switched itself off");
    else
        snprintf(text, size, "its first process was killed by signal %d", info.si_status);
}

static void become_stopped(struct instance *instance, enum instance_report what, const char *text)
{
    struct instances *set = instance->set;
    loop_unwatch(set->options.loop, &instance->watch);
    loop_timer_clear(set->options.loop, &instance->timer);
    if (instance->pidfd >= 0)
        close(fd_take(&instance->pidfd));
    instance->record.pid = 0;
    instance->ungrouped = !cgroup_remove(&set->cgroups, instance->record.start.instance);
    attachments_end(&instance->record.attachments, &set->options.network);
    move(instance, STOPPED);
    report(instance, what, text);
    go_on(instance);
}

static void on_exit_event(struct loop_watch *watch, uint32_t events)
{
    (void)events;
    struct instance *instance = watch->owner;
    char text[128];
    describe_exit(instance->pidfd, text, sizeof text);
    become_stopped(instance, INSTANCE_EXITED, text);
}

static void on_patience(struct loop_timer *timer)
{
    struct instance *instance = timer->owner;
    if (is(instance, STARTING)) {
        spawn_abort(&instance->spawn);
        become_stopped(instance, INSTANCE_FAILED, "it did not start in time");
    } else {
        pidfd_send_signal(instance->pidfd, SIGKILL, NULL, 0);
    }
}

static void end(struct instance *instance, bool force)
{
    if (is(instance, STARTING)) {
        spawn_abort(&instance->spawn);
        become_stopped(instance, INSTANCE_EXITED, "it was stopped while it started");
        return;
    }
    if (is(instance, STOPPED) || (is(instance, STOPPING) && !force))
        return;
    if (is(instance, RUNNING))
        move(instance, STOPPING);
    /* systemd and container engines agree on this one; our own init knows it too */
    pidfd_send_signal(instance->pidfd, force ? SIGKILL : SIGRTMIN + 3, NULL, 0);
    if (!force)
        loop_timer_set(instance->set->options.loop, &instance->timer, STOP_TIMEOUT_MS);
}

/* Brings about what was noted in `wanted` or `removed`: now, or when the instance has ended. May
 * free the instance. */
static void settle(struct instance *instance, bool force)
{
    if (is(instance, STOPPED))
        go_on(instance);
    else
        end(instance, force);
}

/* ---- the start of an instance ---- */

static void fail(struct instance *instance, const struct err *err)
{
    spawn_abort(&instance->spawn);
    become_stopped(instance, INSTANCE_FAILED, err->text);
}

static int plug_in(struct instance *instance, int netns_fd, struct err *err)
{
    struct attachments_work work = {&instance->set->options.network, netns_fd, keep, instance};
    return attachments_apply(&instance->record.attachments, &instance->network, &work, err);
}

/* Noted before PID 1 may go on: no instance ever runs that a later host would not find. */
static int on_cloned(void *owner, pid_t pid, int netns_fd, struct err *err)
{
    struct instance *instance = owner;
    instance->record.pid = pid;
    instance->record.start_time = process_start_time(pid);
    if (keep(instance, err) < 0)
        return -1;
    return plug_in(instance, netns_fd, err);
}

static struct spawn spawn_of(struct instance *instance)
{
    struct instances *set = instance->set;
    return (struct spawn){.start = &instance->record.start,
                          .authority = &set->authority,
                          .images_dir = set->options.images_dir,
                          .volumes_dir = set->options.volumes_dir,
                          .instance_dir = instance->dir,
                          .stage_dir = set->stage_dir,
                          .cgroups = &set->cgroups,
                          .filter = &set->filter,
                          .console_fd = -1,
                          .on_cloned = on_cloned,
                          .owner = instance};
}

static int watch_process(struct instance *instance, struct err *err)
{
    instance->watch.on_event = on_exit_event;
    return loop_watch(instance->set->options.loop, &instance->watch, instance->pidfd, EPOLLIN, err);
}

static void on_spawn_event(struct loop_watch *watch, uint32_t events)
{
    (void)events;
    struct instance *instance = watch->owner;
    struct loop *loop = instance->set->options.loop;
    struct spawn spawn = spawn_of(instance);
    struct err err;
    int sync_fd = watch->fd;
    loop_unwatch(loop, watch); /* advancing may close it */
    int result = spawn_advance(&spawn, &instance->spawn, &err);
    if (!result)
        result = loop_watch(loop, watch, sync_fd, EPOLLIN, &err);
    if (result < 0)
        fail(instance, &err);
    if (result <= 0)
        return;
    loop_timer_clear(loop, &instance->timer);
    instance->pidfd = instance->spawn.pidfd;
    instance->spawn = (struct spawn_progress){.sync_fd = -1, .pidfd = -1};
    move(instance, RUNNING);
    report(instance, INSTANCE_STARTED, "");
    if (watch_process(instance, &err) < 0)
        pidfd_send_signal(instance->pidfd, SIGKILL, NULL, 0);
}

static int launch(struct instance *instance, struct err *err)
{
    struct instances *set = instance->set;
    const struct message_instance_start *start = &instance->record.start;
    if (!set->ready)
        return err_set(err, "%s", set->not_ready.text);
    if (!instance->network.interface_count)
        return err_set(err, "it has no network interface");
    /* An instance that has no root volume was made before there were volumes. */
    if (!start->root_volume[0] &&
        (file_make_dirs(instance->dir, 0755, err) < 0 ||
         rootfs_note_layers(instance->dir, start->layers, start->layer_count, err) < 0))
        return -1;
    auto_fd int console =
        console_open(set->options.console_dir, start->instance, set->options.console_gid, err);
    if (console < 0)
        return -1;
    struct spawn spawn = spawn_of(instance);
    spawn.console_fd = console;
    cgroup_remove(&set->cgroups, start->instance); /* so that its counters begin at 0 */
    if (spawn_begin(&spawn, &instance->spawn, err) < 0)
        return -1;
    instance->watch.on_event = on_spawn_event;
    return loop_watch(set->options.loop, &instance->watch, instance->spawn.sync_fd, EPOLLIN, err);
}

static void begin(struct instance *instance)
{
    struct instances *set = instance->set;
    struct err err;
    if (!set->ready && !set->not_ready.text[0])
        return; /* instances_set_ready() comes */
    instance->wanted = false;
    instance->record.start = instance->next;
    move(instance, STARTING);
    loop_timer_set(set->options.loop, &instance->timer, START_TIMEOUT_MS);
    if (launch(instance, &err) < 0)
        fail(instance, &err);
}

/* ---- checks of what api sends: it may be in an attacker's hands, and this process is root ---- */

/* Whether it ends within `size` and has letters, digits and these marks only. */
static bool is_text(const char *text, size_t size, const char *marks)
{
    size_t length = strnlen(text, size);
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(c >= '0' && c <= '9') && !strchr(marks, c))
            return false;
    }
    return length < size;
}

static int check_volumes(const struct message_instance_start *start, struct err *err)
{
    if (start->root_volume[0] && !id_is_valid(start->root_volume, "vol-"))
        return err_set(err, "the root volume has no id");
    if (start->volume_count > VOLUMES_MAX)
        return err_set(err, "%u volumes are too many", start->volume_count);
    for (uint32_t i = 0; i < start->volume_count; i++)
        if (!id_is_valid(start->volumes[i].volume, "vol-") ||
            !attach_is_device(start->volumes[i].device))
            return err_set(err, "volume %u has no id or no device", i);
    return 0;
}

static int check(const struct message_instance_start *start, struct err *err)
{
    if (!is_text(start->host_name, sizeof start->host_name, "-") || !*start->host_name ||
        *start->host_name == '-')
        return err_set(err, "the host name is not one");
    if (!is_text(start->dhcp.domain, sizeof start->dhcp.domain, "-. "))
        return err_set(err, "the domain name is not one");
    if (start->slot >= USERNS_SLOTS)
        return err_set(err, "there is no slot %u", start->slot);
    if (!start->layer_count || start->layer_count > LAYERS_MAX)
        return err_set(err, "%u layers are none or too many", start->layer_count);
    for (uint32_t i = 0; i < start->layer_count; i++)
        if (!id_is_valid(start->layers[i], ""))
            return err_set(err, "layer %u has no name", i);
    return check_volumes(start, err);
}

/* ---- what api asks for ---- */

static struct instance *find(struct instances *set, const char *id)
{
    return id_is_valid(id, "i-") ? map_get(&set->by_id, id) : NULL;
}

/* PID 1's network namespace, if the process is still that one. */
static int open_network(const struct instance_record *record, struct err *err)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/net", record->pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, errno, "open %s", path);
    if (process_start_time(record->pid) == record->start_time)
        return fd;
    close(fd);
    return err_set(err, "it has ended");
}

static int apply_network(struct instance *instance, struct err *err)
{
    if (!instance->record.pid)
        return 0; /* its next start finds it */
    auto_fd int netns = open_network(&instance->record, err);
    return netns < 0 ? -1 : plug_in(instance, netns, err);
}

static int set_network(struct instances *set, const struct message_instance_network *network,
                       struct err *err)
{
    if (attachments_check(network, err) < 0)
        return -1;
    struct instance *instance = map_get(&set->by_id, network->instance);
    if (!instance && !(instance = add(set, network->instance, err)))
        return -1;
    instance->network = *network;
    return apply_network(instance, err);
}

void instances_set_network(struct instances *set, const struct message_instance_network *network)
{
    struct message_instance_network_done done = {.generation = network->generation};
    struct err err;
    if (!id_is_valid(network->instance, "i-"))
        return;
    memcpy(done.instance, network->instance, ID_SIZE);
    if (set_network(set, network, &err) < 0) {
        done.failed = 1;
        snprintf(done.text, sizeof done.text, "%.*s", (int)sizeof done.text - 1, err.text);
    }
    set->options.network_done(set->options.owner, &done);
}

void instances_set_authority(struct instances *set, const struct message_authority *authority)
{
    size_t size = strnlen(authority->certificate, sizeof authority->certificate);
    if (authority->size == size && size < sizeof authority->certificate)
        set->authority = *authority;
}

void instances_start(struct instances *set, const struct message_instance_start *start)
{
    struct err err;
    if (!id_is_valid(start->instance, "i-"))
        return;
    struct instance *instance = map_get(&set->by_id, start->instance);
    if (check(start, &err) < 0 || (!instance && !(instance = add(set, start->instance, &err)))) {
        report_unknown(set, start->instance, start->boot, INSTANCE_FAILED, err.text);
        return;
    }
    if (instance->wanted ? start->boot <= instance->next.boot
                         : start->boot <= instance->record.start.boot) {
        if (instance->record.state.boot == start->boot)
            set->options.report(set->options.owner, &instance->record.state);
        return; /* or it is on its way, and a report comes */
    }
    instance->next = *start;
    instance->wanted = true;
    settle(instance, false);
}

void instances_stop(struct instances *set, const char *id, bool force)
{
    struct instance *instance = find(set, id);
    if (!instance) {
        if (id_is_valid(id, "i-"))
            report_unknown(set, id, 0, INSTANCE_EXITED, "it is not known here");
        return;
    }
    if (instance->wanted) {
        instance->wanted = false;
        instance->record.start.boot = instance->next.boot; /* that boot has been and gone */
    }
    if (is(instance, STOPPED))
        report(instance, INSTANCE_EXITED, "it is not running");
    else
        end(instance, force);
}

void instances_remove(struct instances *set, const char *id)
{
    struct err err;
    if (!id_is_valid(id, "i-"))
        return;
    struct instance *instance = map_get(&set->by_id, id);
    if (!instance && !(instance = add(set, id, &err)))
        return; /* api asks again */
    instance->wanted = false;
    instance->removed = true;
    settle(instance, true);
}

void instances_report_all(struct instances *set)
{
    map_each (entry, &set->by_id) {
        const struct instance *instance = entry->value;
        if (instance->record.state.report)
            set->options.report(set->options.owner, &instance->record.state);
    }
}

bool instances_find_process(struct instances *set, const char *id,
                            struct instance_process *ret_process)
{
    const struct instance *instance = find(set, id);
    if (!instance || (!is(instance, RUNNING) && !is(instance, STOPPING)))
        return false;
    *ret_process =
        (struct instance_process){&set->cgroups, instance->record.pid, instance->record.start_time,
                                  userns_base(instance->record.start.slot)};
    return true;
}

void instances_set_ready(struct instances *set, const struct err *failure)
{
    set->ready = !failure;
    if (failure)
        set->not_ready = *failure;
    for (struct map_entry *entry = set->by_id.first, *next; entry; entry = next) {
        next = entry->next;
        go_on(entry->value);
    }
}

void instances_tick(struct instances *set)
{
    map_each (entry, &set->by_id) {
        struct instance *instance = entry->value;
        const char *id = instance->record.start.instance;
        if (instance->ungrouped && is(instance, STOPPED))
            instance->ungrouped = !cgroup_remove(&set->cgroups, id);
        if (!is(instance, STOPPED))
            console_trim(set->options.console_dir, id);
    }
}

bool instances_any_running(const struct instances *set)
{
    map_each (entry, &set->by_id) {
        if (!is(entry->value, STOPPED))
            return true;
    }
    return false;
}

void instances_measure(struct instances *set, instances_visit *visit, void *owner)
{
    map_each (entry, &set->by_id) {
        const struct instance *instance = entry->value;
        struct cgroup_usage usage;
        if ((is(instance, RUNNING) || is(instance, STOPPING)) &&
            cgroup_read(&set->cgroups, instance->record.start.instance, &usage) >= 0)
            visit(owner, &instance->record.start, &instance->record.attachments, &usage);
    }
}

int instances_freeze(struct instances *set, const char *id, bool freeze, struct err *err)
{
    const struct instance *instance = find(set, id);
    if (!instance || is(instance, STOPPED))
        return 0;
    return cgroup_freeze(&set->cgroups, id, freeze, err);
}

/* ---- the set's own life ---- */

static int adopt(void *owner, const struct instance_record *record, struct err *err)
{
    struct instances *set = owner;
    struct err ignored;
    const char *id = record->start.instance;
    struct instance *instance = add(set, id, err);
    if (!instance)
        return -1;
    instance->record = *record;
    instance->pidfd = record->pid ? process_open(record->pid, record->start_time) : -1;
    if (instance->pidfd >= 0) {
        cgroup_freeze(&set->cgroups, id, false, &ignored); /* the host may have died copying it */
        instance->state = RUNNING;
        if (record->state.boot != record->start.boot || record->state.report != INSTANCE_STARTED)
            report(instance, INSTANCE_STARTED, "");
        return watch_process(instance, err);
    }
    if (record->pid) {
        instance->record.pid = 0;
        instance->ungrouped = !cgroup_remove(&set->cgroups, id);
        report(instance, INSTANCE_EXITED, INSTANCE_TEXT_LOST);
    }
    return 0;
}

struct instances *instances_create(const struct instances_options *options, struct err *err)
{
    struct instances *set = calloc(1, sizeof *set);
    if (!set) {
        err_sys(err, ENOMEM, "instances");
        return NULL;
    }
    set->options = *options;
    snprintf(set->stage_dir, sizeof set->stage_dir, "%s/.stage", options->images_dir);
    if (cgroups_find(&set->cgroups, options->world, err) < 0 ||
        filter_create(&set->filter, err) < 0 || file_make_dirs(set->stage_dir, 0700, err) < 0 ||
        file_make_dirs(options->instances_dir, 0700, err) < 0 ||
        file_make_dirs(options->records_dir, 0700, err) < 0 ||
        instance_record_read_all(options->records_dir, adopt, set, err) < 0) {
        instances_destroy(set);
        return NULL;
    }
    return set;
}

void instances_destroy(struct instances *set)
{
    if (!set)
        return;
    map_each (entry, &set->by_id)
        release(entry->value);
    map_finish(&set->by_id);
    filter_free(&set->filter);
    free(set);
}

/* Waits for one PID 1 to end; false when the time is over. */
static bool await_end(struct instance *instance, int64_t deadline_ms)
{
    struct pollfd ended = {instance->pidfd, POLLIN, 0};
    int64_t left_ms = deadline_ms - clock_mono_ms();
    return poll(&ended, 1, left_ms > 0 ? (int)left_ms : 0) > 0;
}

static void end_now(struct instance *instance, int64_t deadline_ms)
{
    if (!await_end(instance, deadline_ms)) {
        pidfd_send_signal(instance->pidfd, SIGKILL, NULL, 0);
        await_end(instance, clock_mono_ms() + KILL_WAIT_MS);
    }
    on_exit_event(&instance->watch, EPOLLIN);
}

void instances_end_all(struct instances *set, int grace_ms)
{
    int64_t deadline_ms = clock_mono_ms() + grace_ms;
    map_each (entry, &set->by_id) {
        struct instance *instance = entry->value;
        instance->wanted = instance->removed = false;
        end(instance, false);
    }
    map_each (entry, &set->by_id) {
        struct instance *instance = entry->value;
        if (!is(instance, STOPPED))
            end_now(instance, deadline_ms);
        instance_record_remove(set->options.records_dir, instance->record.start.instance);
    }
    cgroups_remove(&set->cgroups);
}
