/* Real instances, without a network: what they are inside, what they are outside, how they end. */
#include "host/image/host_layer.h"
#include "host/image/store.h"
#include "host/image/tree.h"
#include "host/run/instances.h"
#include "host/run/kernel_file.h"
#include "host/run/userns.h"
#include "host/volume/disk.h"
#include "host/volume/loop_device.h"
#include "metadata_service.h"
#include "os/clock.h"
#include "os/file.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { WORLD = 45, PATIENCE_MS = 30000, SERVICES_MAX = 8 };

struct fixture {
    char dir[256], images[288], instances[288], volumes[288], records[288], console[288];
    struct loop *loop;
    struct instances *set;
    const char *user_data;
    pid_t services[SERVICES_MAX];
    int service_count;
    struct message_instance_state last; /* report */
    int reports;
};

static int plug(void *owner, const struct instance_interface *interface, int netns_fd,
                struct err *err)
{
    struct fixture *fixture = owner;
    (void)interface;
    (void)err;
    fixture->services[fixture->service_count++] =
        metadata_service_start(netns_fd, fixture->user_data);
    return 0;
}

static void unplug(void *owner, const struct instance_interface *interface,
                   struct net_counters *gone)
{
    (void)owner;
    (void)interface;
    (void)gone;
}

static void network_done(void *owner, const struct message_instance_network_done *done)
{
    (void)owner;
    assert_string_equal(done->text, "");
}

static void report(void *owner, const struct message_instance_state *state)
{
    struct fixture *fixture = owner;
    fixture->last = *state;
    fixture->reports++;
}

static void on_removed(void *owner)
{
    (void)owner;
}

static void create_set(struct fixture *fixture)
{
    struct err err = {0};
    struct instances_options options = {
        .loop = fixture->loop,
        .world = WORLD,
        .images_dir = fixture->images,
        .volumes_dir = fixture->volumes,
        .instances_dir = fixture->instances,
        .records_dir = fixture->records,
        .console_dir = fixture->console,
        .network = {plug, NULL, unplug, fixture},
        .report = report,
        .network_done = network_done,
        .on_removed = on_removed,
        .owner = fixture,
    };
    fixture->set = instances_create(&options, &err);
    assert_string_equal(err.text, "");
    assert_non_null(fixture->set);
    instances_set_ready(fixture->set, NULL);
}

/*
 * The images of all tests: where the host's programs must be copied, once is enough. In the build
 * folder: unlike /tmp, it is on a disk that root file systems can be on.
 */
static char images_dir[256];

static int make_images(void **state)
{
    struct err err = {0};
    (void)state;
    if (geteuid() != 0)
        return 0;
    char *build_dir = getcwd(NULL, 0);
    snprintf(images_dir, sizeof images_dir, "%s/instances-test-images-XXXXXX", build_dir);
    free(build_dir);
    int userns = userns_open(userns_base(0), &err);
    if (userns < 0 || !mkdtemp(images_dir) || host_layer_prepare(images_dir, userns, &err) < 0) {
        print_error("%s\n", err.text);
        return -1;
    }
    close(userns);
    return 0;
}

static int delete_images(void **state)
{
    struct err err;
    (void)state;
    return images_dir[0] ? tree_delete(images_dir, &err) : 0;
}

static int setup(void **state)
{
    struct err err = {0};
    struct fixture *fixture = calloc(1, sizeof *fixture);
    *state = fixture;
    if (geteuid() != 0)
        return 0;
    char *build_dir = getcwd(NULL, 0);
    snprintf(fixture->dir, sizeof fixture->dir, "%s/instances-test-XXXXXX", build_dir);
    free(build_dir);
    assert_non_null(mkdtemp(fixture->dir));
    snprintf(fixture->images, sizeof fixture->images, "%s", images_dir);
    snprintf(fixture->instances, sizeof fixture->instances, "%s/instances", fixture->dir);
    snprintf(fixture->volumes, sizeof fixture->volumes, "%s/volumes", fixture->dir);
    snprintf(fixture->records, sizeof fixture->records, "%s/records", fixture->dir);
    snprintf(fixture->console, sizeof fixture->console, "%s/console", fixture->dir);
    assert_true(file_make_dirs(fixture->console, 0700, &err) >= 0);
    assert_true(file_make_dirs(fixture->volumes, 0700, &err) >= 0);
    fixture->loop = loop_create(&err);
    fixture->user_data = "";
    create_set(fixture);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    struct err err;
    if (fixture->set) {
        instances_end_all(fixture->set, 1000);
        instances_destroy(fixture->set);
    }
    for (int i = 0; i < fixture->service_count; i++) {
        kill(fixture->services[i], SIGKILL);
        waitpid(fixture->services[i], NULL, 0);
    }
    loop_destroy(fixture->loop);
    if (fixture->dir[0])
        tree_delete(fixture->dir, &err);
    free(fixture);
    return 0;
}

static void need_root(void)
{
    if (geteuid() != 0) {
        print_message("needs root\n");
        skip();
    }
}

static struct message_instance_start start_of(const char *id, uint32_t slot)
{
    struct message_instance_start start = {
        .host_name = "ip-10-0-1-5",
        .boot = 1,
        .slot = slot,
        .cpu_thousandths = 500,
        .memory_mib = 256,
        .address = 0x0a000105,
        .layer_count = 1,
        .layers = {"host"},
        .root_gib = 1,
    };
    snprintf(start.instance, sizeof start.instance, "%s", id);
    snprintf(start.root_volume, sizeof start.root_volume, "vol-%s", id);
    return start;
}

/* With the network that every instance here has. */
static void start_instance(struct fixture *fixture, const struct message_instance_start *start)
{
    struct message_instance_network network = {
        .interface_count = 1,
        .interfaces = {
            {.id = "eni-1", .vpc = "vpc-1", .address_count = 1, .addresses = {0x0a000105}}}};
    memcpy(network.instance, start->instance, ID_SIZE);
    instances_set_network(fixture->set, &network);
    instances_start(fixture->set, start);
}

static void turn(struct fixture *fixture, int64_t deadline_ms)
{
    struct err err;
    assert_true(loop_turn(fixture->loop, 20, &err) >= 0);
    if (clock_mono_ms() > deadline_ms)
        fail_msg("nothing came; last report: %u \"%s\"", fixture->last.report, fixture->last.text);
}

static void await_report(struct fixture *fixture, enum instance_report what)
{
    int64_t deadline_ms = clock_mono_ms() + PATIENCE_MS;
    while (fixture->last.report != what)
        turn(fixture, deadline_ms);
}

/* The console once it holds `text`; freed by the caller. */
static char *await_console(struct fixture *fixture, const char *id, const char *text)
{
    char path[256];
    struct err err;
    size_t size;
    int64_t deadline_ms = clock_mono_ms() + PATIENCE_MS;
    snprintf(path, sizeof path, "%s/%s.log", fixture->console, id);
    for (;; turn(fixture, deadline_ms)) {
        char *console = file_read(path, 1 << 20, &size, &err);
        if (console && strstr(console, text))
            return console;
        free(console);
    }
}

/* What the record says: the instance's PID 1 as the host sees it. */
static pid_t first_process(struct fixture *fixture, const char *id)
{
    char path[256];
    snprintf(path, sizeof path, "/sys/fs/cgroup/pids/pileus.%d/%s/cgroup.procs", WORLD, id);
    if (access(path, R_OK) < 0)
        snprintf(path, sizeof path, "/sys/fs/cgroup/pileus.%d/%s/cgroup.procs", WORLD, id);
    (void)fixture;
    return (pid_t)kernel_file_number(path);
}

static void expect(const char *console, const char *line)
{
    if (!strstr(console, line))
        fail_msg("no \"%s\" in the console:\n%s", line, console);
}

/* The lines, up to NULL, in this order. What sshd says of its keys may come between any two. */
static void expect_in_order(const char *console, const char *const *lines)
{
    const char *at = console;
    for (; *lines; lines++) {
        const char *found = strstr(at, *lines);
        if (!found)
            fail_msg("no \"%s\" where it should be in the console:\n%s", *lines, console);
        at = found + strlen(*lines);
    }
}
#define EXPECT_IN_ORDER(console, ...)                                                              \
    expect_in_order(console, (const char *const[]){__VA_ARGS__, NULL})

static void an_instance_is_a_machine_of_its_own(void **state)
{
    struct fixture *fixture = *state;
    need_root();
    struct message_instance_start start = start_of("i-a", 77);
    fixture->user_data =
        "#!/bin/bash\n"
        "echo id=$(id -u) name=$(hostname) init=$(cat /proc/1/comm)\n"
        "echo root=$(ls -A /root | grep -v .ssh) hashes=$(grep -c '\\$' /etc/shadow)\n"
        "echo others=$(ls -d /work /data /lost+found /var/lib/dpkg 2>/dev/null)\n"
        "touch /usr/bin/new && echo usr-is-writable\n"
        "su ec2-user -c 'id -un'\n"
        "date -s 2001-01-01 2>/dev/null || echo clock-is-safe\n"
        "cat /proc/1/environ 2>/dev/null || echo init-is-closed\n"
        "grep -c test-key /root/.ssh/authorized_keys /home/ec2-user/.ssh/authorized_keys\n"
        "echo sees=$(ls -d /proc/[0-9]* | wc -l)\necho DO''NE\n";
    start_instance(fixture, &start);
    await_report(fixture, INSTANCE_STARTED);
    char *console = await_console(fixture, "i-a", "DONE");
    expect(console, "id=0 name=ip-10-0-1-5 init=pileus: init");
    expect(console, "root= hashes=0");
    expect(console, "others=\n");
    EXPECT_IN_ORDER(console, "usr-is-writable\n", "ec2-user\n", "clock-is-safe\n",
                    "init-is-closed\n");
    expect(console, "/home/ec2-user/.ssh/authorized_keys:1");
    free(console);
}

static void root_of_an_instance_is_nobody_outside(void **state)
{
    struct fixture *fixture = *state;
    char path[320];
    struct stat info;
    need_root();
    struct message_instance_start start = start_of("i-b", 78);
    start_instance(fixture, &start);
    await_report(fixture, INSTANCE_STARTED);
    snprintf(path, sizeof path, "/proc/%d/uid_map", first_process(fixture, "i-b"));
    assert_int_equal(kernel_file_number(path), 0);
    snprintf(path, sizeof path, "/proc/%d/status", first_process(fixture, "i-b"));
    assert_int_equal(stat(path, &info), 0);
    FILE *file = fopen(path, "r");
    char line[256];
    unsigned uid = 0;
    while (fgets(line, sizeof line, file) && sscanf(line, "Uid: %u", &uid) != 1)
        continue;
    fclose(file);
    assert_int_equal(uid, userns_base(78));
}

static void stopping_ends_it_and_starting_again_keeps_its_disk(void **state)
{
    struct fixture *fixture = *state;
    need_root();
    struct message_instance_start start = start_of("i-c", 79);
    fixture->user_data =
        "#!/bin/sh\necho first-boot\n"
        "printf '#!/bin/sh\\necho >>/var/boots\\necho boot-$(wc -l </var/boots)\\n' "
        ">/etc/rc.local\n"
        "chmod +x /etc/rc.local\n";
    start_instance(fixture, &start);
    free(await_console(fixture, "i-c", "boot-1"));
    instances_stop(fixture->set, "i-c", false);
    await_report(fixture, INSTANCE_EXITED);
    assert_string_equal(fixture->last.text, "its first process ended with status 0");

    start_instance(fixture, &start); /* the same boot again is no new one */
    assert_int_equal(fixture->last.report, INSTANCE_EXITED);
    start.boot = 2;
    start_instance(fixture, &start);
    await_report(fixture, INSTANCE_STARTED);
    char *console = await_console(fixture, "i-c", "boot-2");
    assert_null(strstr(strstr(console, "first-boot") + 1, "first-boot"));
    free(console);
}

static void cloud_config_is_done_or_named(void **state)
{
    struct fixture *fixture = *state;
    need_root();
    struct message_instance_start start = start_of("i-h", 84);
    fixture->user_data = "#cloud-config\n"
                         "packages:\n  - nginx\n"
                         "runcmd:\n"
                         "  - cat /srv/app/a.conf\n"
                         "  - [ echo, \"two words\", \"it's\" ]\n"
                         "  - |\n    for i in 1 2; do\n      echo block-$i\n    done\n"
                         "  - stat -c %a /srv/app/a.conf; echo DO''NE\n"
                         "write_files:\n"
                         "  - path: /srv/app/a.conf\n"
                         "    permissions: '0600'\n"
                         "    content: |\n      first\n        second\n";
    start_instance(fixture, &start);
    char *console = await_console(fixture, "i-h", "DONE");
    expect(console, "\"packages\" in #cloud-config is not supported");
    EXPECT_IN_ORDER(console, "first\n", "  second\n", "two words it's\n", "block-1\n", "block-2\n",
                    "600\n");
    free(console);
}

static void an_image_carries_files_to_an_instance_with_other_ids(void **state)
{
    struct fixture *fixture = *state;
    struct err err = {0};
    struct store store = {fixture->images, fixture->instances, fixture->volumes};
    char disk[320];
    need_root();
    struct message_instance_start first = start_of("i-d", 80), second = start_of("i-e", 81);
    first.root_volume[0] = '\0'; /* as instances were before there were volumes */
    snprintf(disk, sizeof disk, "%s/i-d", fixture->instances);
    fixture->user_data = "#!/bin/sh\necho kept >/usr/local/bin/kept; rm /etc/services\n"
                         "echo mine >/home/ec2-user/mine; chown ec2-user /home/ec2-user/mine\n"
                         "cp /etc/ssh/ssh_host_ed25519_key.pub /root/old\necho DO''NE\n";
    start_instance(fixture, &first);
    free(await_console(fixture, "i-d", "DONE"));
    assert_true(instances_freeze(fixture->set, "i-d", true, &err) >= 0);
    if (store_keep(&store, "ami-1", disk, disk, &err) < 0)
        fail_msg("%s", err.text);
    assert_true(instances_freeze(fixture->set, "i-d", false, &err) >= 0);

    second.layer_count = 2;
    snprintf(second.layers[1], ID_SIZE, "ami-1");
    fixture->user_data = "#!/bin/sh\ncat /usr/local/bin/kept; stat -c %U /home/ec2-user/mine\n"
                         "ls /etc/services || echo it-is-deleted\necho DO''NE\n";
    start_instance(fixture, &second);
    char *console = await_console(fixture, "i-e", "DONE");
    EXPECT_IN_ORDER(console, "kept\n", "ec2-user\n", "it-is-deleted");
    free(console);

    assert_true(store_mark_image(&store, "ami-1", &err) >= 0);
    assert_true(store_sweep(&store, false, &err) >= 0);
    char path[320];
    snprintf(path, sizeof path, "%s/ami-1/root", fixture->images);
    assert_int_equal(access(path, F_OK), 0); /* an instance stands on it */
    instances_remove(fixture->set, "i-e");
    await_report(fixture, INSTANCE_REMOVED);
    assert_true(store_drop_volume(&store, "vol-i-e", &err) >= 0);
    assert_true(store_sweep(&store, false, &err) >= 0);
    assert_int_equal(access(path, F_OK), -1);
}

static void a_root_volume_is_full_at_its_size(void **state)
{
    struct fixture *fixture = *state;
    need_root();
    struct message_instance_start start = start_of("i-v", 84);
    fixture->user_data = "#!/bin/sh\ndf --output=size -BM / | tail -1\n"
                         "fallocate -l 2G /big; rm /big\nfallocate -l 500M /fits && echo it-fits\n"
                         "echo DO''NE\n";
    start_instance(fixture, &start);
    char *console = await_console(fixture, "i-v", "DONE");
    EXPECT_IN_ORDER(console, "No space left on device", "it-fits");
    free(console);
}

/* The kernel takes mounts apart a moment after their last process has ended. */
static void await_unmounted(struct fixture *fixture, const char *volume)
{
    struct err err;
    char image[320], path[320], name[LOOP_NAME_SIZE];
    int64_t deadline_ms = clock_mono_ms() + PATIENCE_MS;
    snprintf(image, sizeof image, "%s/%s/image", fixture->volumes, volume);
    snprintf(path, sizeof path, "%s/%s/loop", fixture->volumes, volume);
    for (bool mounted = true; mounted;) {
        int note = loop_note_lock(path, &err);
        int device = loop_device_find(image, note, name);
        mounted = device >= 0;
        close(note);
        if (mounted)
            close(device);
        turn(fixture, deadline_ms);
    }
}

static void a_volume_is_there_at_boot_and_grows(void **state)
{
    struct fixture *fixture = *state;
    struct err err = {0};
    need_root();
    struct message_instance_start start = start_of("i-w", 85);
    start.volume_count = 1;
    start.volumes[0] = (struct volume_attachment){"vol-data", "sdf"};
    assert_true(disk_make(fixture->volumes, "vol-data", 1, &err) >= 0);
    fixture->user_data = "#!/bin/sh\necho kept >/mnt/sdf/kept\n"
                         "fallocate -l 2G /mnt/sdf/big || echo too-small; echo DO''NE\n";
    start_instance(fixture, &start);
    free(await_console(fixture, "i-w", "too-small"));
    if (disk_make(fixture->volumes, "vol-data", 3, &err) < 0) /* at once, or for the next start */
        fail_msg("%s", err.text);
    instances_stop(fixture->set, "i-w", true);
    await_report(fixture, INSTANCE_EXITED);
    await_unmounted(fixture, "vol-data");
    start = start_of("i-x", 86);
    start.volume_count = 1;
    start.volumes[0] = (struct volume_attachment){"vol-data", "sdg"};
    fixture->user_data = "#!/bin/sh\ncat /mnt/sdg/kept\n"
                         "fallocate -l 2G /mnt/sdg/big && echo it-fits; echo DO''NE\n";
    start_instance(fixture, &start);
    char *console = await_console(fixture, "i-x", "DONE");
    EXPECT_IN_ORDER(console, "kept", "it-fits");
    free(console);
}

static void volumes_are_full_while_the_disk_of_the_machine_is(void **state)
{
    struct fixture *fixture = *state;
    struct disk_use use;
    struct err err = {0};
    need_root();
    struct message_instance_start start = start_of("i-y", 87);
    fixture->user_data = "#!/bin/sh\necho beg''un\n"
                         "until ! fallocate -l 1M /probe; do rm /probe; sleep 0.05; done\n"
                         "echo fu''ll\nuntil fallocate -l 1M /probe; do sleep 0.05; done\n"
                         "echo ro''om\n";
    start_instance(fixture, &start);
    free(await_console(fixture, "i-y", "begun"));
    assert_int_equal(disk_measure(fixture->volumes, "vol-i-y", &use, &err), 1);
    assert_true(disk_allow(fixture->volumes, "vol-i-y", &use, 0, &err) >= 0);
    free(await_console(fixture, "i-y", "full"));
    assert_int_equal(disk_measure(fixture->volumes, "vol-i-y", &use, &err), 1);
    assert_true(disk_allow(fixture->volumes, "vol-i-y", &use, use.free_bytes, &err) >= 0);
    free(await_console(fixture, "i-y", "room"));
}

/* What the kernel was told of the volume's device, in either version of cgroups. */
static void a_volume_has_its_limits(void **state)
{
    struct fixture *fixture = *state;
    struct cgroups cgroups;
    struct err err = {0};
    dev_t device;
    char path[320], wanted[96];
    size_t size;
    need_root();
    struct message_instance_start start = start_of("i-z", 88);
    start.root_limits = (struct volume_limits){.iops = 700, .mib = 5};
    start_instance(fixture, &start);
    await_report(fixture, INSTANCE_STARTED);
    assert_true(cgroups_find(&cgroups, WORLD, &err) >= 0);
    assert_true(disk_device(fixture->volumes, "vol-i-z", &device));
    snprintf(path, sizeof path, "%s/pileus.%d/i-z/%s",
             cgroups.unified ? cgroups.unified_root : cgroups.roots[CGROUP_BLKIO], WORLD,
             cgroups.unified ? "io.max" : "blkio.throttle.write_bps_device");
    if (access(path, F_OK) < 0) {
        print_message("the kernel limits no block devices\n");
        skip();
    }
    char *text = file_read(path, 4096, &size, &err);
    snprintf(wanted, sizeof wanted, "%u:%u %s5242880", major(device), minor(device),
             cgroups.unified ? "rbps=" : "");
    assert_non_null(text);
    assert_non_null(strstr(text, wanted));
    free(text);
}

static void a_new_host_process_finds_instances_again(void **state)
{
    struct fixture *fixture = *state;
    need_root();
    struct message_instance_start start = start_of("i-f", 82);
    start_instance(fixture, &start);
    await_report(fixture, INSTANCE_STARTED);
    pid_t pid = first_process(fixture, "i-f");
    instances_destroy(fixture->set);
    fixture->last = (struct message_instance_state){0};

    create_set(fixture);
    instances_report_all(fixture->set);
    assert_int_equal(fixture->last.report, INSTANCE_STARTED);
    assert_int_equal(first_process(fixture, "i-f"), pid);
    instances_stop(fixture->set, "i-f", true);
    await_report(fixture, INSTANCE_EXITED);
    assert_int_equal(first_process(fixture, "i-f"), -1);
}

static void a_start_that_fails_says_why(void **state)
{
    struct fixture *fixture = *state;
    need_root();
    struct message_instance_start start = start_of("i-g", 83);
    snprintf(start.layers[0], ID_SIZE, "ami-missing");
    start_instance(fixture, &start);
    await_report(fixture, INSTANCE_FAILED);
    assert_string_equal(fixture->last.text, "no layer has a folder root");
    snprintf(start.layers[0], ID_SIZE, "../host");
    start.boot = 2;
    start_instance(fixture, &start);
    assert_string_equal(fixture->last.text, "layer 0 has no name");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(an_instance_is_a_machine_of_its_own),
        TEST(root_of_an_instance_is_nobody_outside),
        TEST(stopping_ends_it_and_starting_again_keeps_its_disk),
        TEST(cloud_config_is_done_or_named),
        TEST(an_image_carries_files_to_an_instance_with_other_ids),
        TEST(a_root_volume_is_full_at_its_size),
        TEST(a_volume_is_there_at_boot_and_grows),
        TEST(volumes_are_full_while_the_disk_of_the_machine_is),
        TEST(a_volume_has_its_limits),
        TEST(a_new_host_process_finds_instances_again),
        TEST(a_start_that_fails_says_why),
    };
    return cmocka_run_group_tests(tests, make_images, delete_images);
}
