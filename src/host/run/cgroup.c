#include "host/run/cgroup.h"

#include "base/cleanup.h"
#include "host/run/kernel_file.h"
#include "os/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

enum {
    /* Short, so that a throttled program waits milliseconds, not the kernel's default of 100. */
    PERIOD_US = 20000,
    QUOTA_LEAST_US = 1000, /* the kernel takes no less */
    /*
     * All instances together are one group beside every other process of the host. Their quotas
     * limit them; this weight keeps a busy host from starving them below that. 16 and 10 times
     * what one process has.
     */
    WORLD_SHARES = 16 * 1024,
    WORLD_WEIGHT = 1000,
    FREEZE_WAIT_MS = 2000,
    REMOVE_WAIT_MS = 5000,
    DESCENDANTS_MAX = 2048, /* groups within an instance's */
    DEPTH_MAX = 12,         /* so that their paths stay short */
    WALK_DESCRIPTORS = 16,
    PATH_SIZE = 256
};

static const char *const controller_names[CGROUP_CONTROLLER_COUNT] = {
    [CGROUP_CPU] = "cpu",   [CGROUP_CPUACCT] = "cpuacct", [CGROUP_MEMORY] = "memory",
    [CGROUP_PIDS] = "pids", [CGROUP_FREEZER] = "freezer", [CGROUP_BLKIO] = "blkio",
};

/* Whether `word` is one of the words of `text`, which commas, spaces or line ends separate. */
static bool has_word(const char *text, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
        if ((at == text || strchr(", \n", at[-1])) && strchr(", \n", at[size]))
            return true;
    return false;
}

/* One line of /proc/self/mountinfo: "id parent dev root POINT options ... - TYPE source OPTIONS".
 */
static void note_mount(struct cgroups *cgroups, const char *line)
{
    char point[128], type[32], options[256];
    const char *rest = strstr(line, " - ");
    if (!rest || sscanf(line, "%*s %*s %*s %*s %127s", point) != 1 ||
        sscanf(rest, " - %31s %*s %255s", type, options) != 2)
        return;
    if (!strcmp(type, "cgroup2") && !cgroups->unified_root[0])
        snprintf(cgroups->unified_root, sizeof cgroups->unified_root, "%s", point);
    if (strcmp(type, "cgroup") != 0)
        return;
    for (int i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
        if (has_word(options, controller_names[i]) && !cgroups->roots[i][0])
            snprintf(cgroups->roots[i], sizeof cgroups->roots[i], "%s", point);
}

static bool unified_has_controllers(const struct cgroups *cgroups)
{
    char path[PATH_SIZE], text[256] = "";
    snprintf(path, sizeof path, "%s/cgroup.controllers", cgroups->unified_root);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    bool read = fgets(text, sizeof text, file);
    fclose(file);
    return read && has_word(text, "cpu") && has_word(text, "memory") && has_word(text, "pids");
}

int cgroups_find(struct cgroups *cgroups, uint32_t world, struct err *err)
{
    *cgroups = (struct cgroups){.world = world};
    FILE *mounts = fopen("/proc/self/mountinfo", "re");
    if (!mounts)
        return err_sys(err, errno, "open /proc/self/mountinfo");
    char line[4096];
    while (fgets(line, sizeof line, mounts))
        note_mount(cgroups, line);
    fclose(mounts);
    cgroups->unified = cgroups->unified_root[0] && unified_has_controllers(cgroups);
    if (cgroups->unified)
        return 0;
    for (int i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
        if (!cgroups->roots[i][0] && i != CGROUP_BLKIO)
            return err_set(err,
                           "the cgroup controller \"%s\" is not mounted: mount cgroup2 at "
                           "/sys/fs/cgroup, or enable the controller in the kernel's command line",
                           controller_names[i]);
    return 0;
}

/* "ROOT/pileus.WORLD[/INSTANCE][/FILE]" */
static const char *group_path(char path[PATH_SIZE], const struct cgroups *cgroups, const char *root,
                              const char *instance, const char *file)
{
    snprintf(path, PATH_SIZE, "%s/pileus.%u%s%s%s%s", root, cgroups->world, instance ? "/" : "",
             instance ? instance : "", file ? "/" : "", file ? file : "");
    return path;
}

/* The hierarchies in use: version 1's roots, and version 2's even where it only names processes. */
static int hierarchies(const struct cgroups *cgroups,
                       const char *roots[CGROUP_CONTROLLER_COUNT + 1])
{
    int count = 0;
    for (int i = 0; i < CGROUP_CONTROLLER_COUNT && !cgroups->unified; i++) {
        bool shared = !cgroups->roots[i][0]; /* "cpu,cpuacct" are often one hierarchy */
        for (int j = 0; j < count; j++)
            shared |= !strcmp(roots[j], cgroups->roots[i]);
        if (!shared)
            roots[count++] = cgroups->roots[i];
    }
    if (cgroups->unified_root[0])
        roots[count++] = cgroups->unified_root;
    return count;
}

static int enable_controllers(const char *group, struct err *err)
{
    char path[PATH_SIZE + 32];
    struct err ignored;
    snprintf(path, sizeof path, "%s/cgroup.subtree_control", group);
    kernel_file_write(path, "+io", &ignored); /* a kernel may lack it */
    return kernel_file_write(path, "+cpu +memory +pids", err);
}

static int make_groups(const struct cgroups *cgroups, const char *instance, struct err *err)
{
    const char *roots[CGROUP_CONTROLLER_COUNT + 1];
    int count = hierarchies(cgroups, roots);
    char path[PATH_SIZE];
    for (int i = 0; i < count; i++) {
        group_path(path, cgroups, roots[i], NULL, NULL);
        if (mkdir(path, 0755) < 0 && errno != EEXIST)
            return err_sys(err, errno, "create cgroup %s", path);
        if (cgroups->unified &&
            (enable_controllers(roots[i], err) < 0 || enable_controllers(path, err) < 0))
            return -1;
        group_path(path, cgroups, roots[i], instance, NULL);
        if (mkdir(path, 0755) < 0 && errno != EEXIST)
            return err_sys(err, errno, "create cgroup %s", path);
    }
    return 0;
}

static int write_setting(const struct cgroups *cgroups, const char *root, const char *instance,
                         const char *file, struct err *err, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

static int write_setting(const struct cgroups *cgroups, const char *root, const char *instance,
                         const char *file, struct err *err, const char *format, ...)
{
    char path[PATH_SIZE], value[128];
    va_list args;
    va_start(args, format);
    vsnprintf(value, sizeof value, format, args);
    va_end(args);
    group_path(path, cgroups, root, instance, file);
    return kernel_file_write(path, value, err);
}

/* CPU time for each period; both in microseconds. */
struct cpu_quota {
    uint64_t quota_us, period_us;
};

static struct cpu_quota cpu_quota(uint32_t cpu_thousandths)
{
    uint64_t thousandths = cpu_thousandths ? cpu_thousandths : 1;
    struct cpu_quota cpu = {thousandths * PERIOD_US / 1000, PERIOD_US};
    if (cpu.quota_us < QUOTA_LEAST_US)
        cpu = (struct cpu_quota){QUOTA_LEAST_US, QUOTA_LEAST_US * 1000 / thousandths};
    return cpu;
}

static int limit_unified(const struct cgroups *cgroups, const char *instance,
                         const struct cgroup_limits *limits, struct err *err)
{
    const char *root = cgroups->unified_root;
    struct cpu_quota cpu = cpu_quota(limits->cpu_thousandths);
    struct err ignored;
    if (write_setting(cgroups, root, NULL, "cpu.weight", err, "%d", WORLD_WEIGHT) < 0 ||
        write_setting(cgroups, root, instance, "cpu.max", err, "%lu %lu", cpu.quota_us,
                      cpu.period_us) < 0 ||
        write_setting(cgroups, root, instance, "memory.max", err, "%lu",
                      (uint64_t)limits->memory_mib << 20) < 0 ||
        write_setting(cgroups, root, instance, "pids.max", err, "%u", limits->processes) < 0)
        return -1;
    /* No swap, as an EC2 instance; a kernel without swap lacks the file. */
    write_setting(cgroups, root, instance, "memory.swap.max", &ignored, "0");
    return 0;
}

static int limit_each_controller(const struct cgroups *cgroups, const char *instance,
                                 const struct cgroup_limits *limits, struct err *err)
{
    struct cpu_quota cpu = cpu_quota(limits->cpu_thousandths);
    const char *cpu_root = cgroups->roots[CGROUP_CPU];
    if (write_setting(cgroups, cpu_root, NULL, "cpu.shares", err, "%d", WORLD_SHARES) < 0 ||
        write_setting(cgroups, cpu_root, instance, "cpu.cfs_period_us", err, "%lu", cpu.period_us) <
            0 ||
        write_setting(cgroups, cpu_root, instance, "cpu.cfs_quota_us", err, "%lu", cpu.quota_us) <
            0 ||
        write_setting(cgroups, cgroups->roots[CGROUP_MEMORY], instance, "memory.limit_in_bytes",
                      err, "%lu", (uint64_t)limits->memory_mib << 20) < 0)
        return -1;
    return write_setting(cgroups, cgroups->roots[CGROUP_PIDS], instance, "pids.max", err, "%u",
                         limits->processes);
}

/* "7:3 1000", "7:3 0" for no limit: in version 1 the same number for reads and for writes. */
static int throttle(const struct cgroups *cgroups, const char *instance, dev_t device,
                    const char *what, uint64_t value, struct err *err)
{
    static const char *const directions[] = {"read", "write"};
    for (size_t i = 0; i < sizeof directions / sizeof *directions; i++) {
        char file[64];
        snprintf(file, sizeof file, "blkio.throttle.%s_%s_device", directions[i], what);
        if (write_setting(cgroups, cgroups->roots[CGROUP_BLKIO], instance, file, err, "%u:%u %lu",
                          major(device), minor(device), value) < 0)
            return -1;
    }
    return 0;
}

int cgroup_limit_disk(const struct cgroups *cgroups, const char *instance, dev_t device,
                      const struct cgroup_disk_limits *limits, struct err *err)
{
    char path[PATH_SIZE], operations[16] = "max", bytes[24] = "max";
    if (!cgroups->unified && !cgroups->roots[CGROUP_BLKIO][0])
        return 0;
    if (!cgroups->unified)
        return throttle(cgroups, instance, device, "iops", limits->operations, err) < 0
                   ? -1
                   : throttle(cgroups, instance, device, "bps", (uint64_t)limits->mib << 20, err);
    group_path(path, cgroups, cgroups->unified_root, instance, "io.max");
    if (access(path, F_OK) < 0)
        return 0;
    if (limits->operations)
        snprintf(operations, sizeof operations, "%u", limits->operations);
    if (limits->mib)
        snprintf(bytes, sizeof bytes, "%lu", (uint64_t)limits->mib << 20);
    return write_setting(cgroups, cgroups->unified_root, instance, "io.max", err,
                         "%u:%u rbps=%s wbps=%s riops=%s wiops=%s", major(device), minor(device),
                         bytes, bytes, operations, operations);
}

/* The group becomes its owner's to divide; what limits it does not. */
static int delegate(const struct cgroups *cgroups, const char *instance, uint32_t owner,
                    struct err *err)
{
    static const char *const delegated[] = {NULL, "cgroup.procs", "cgroup.subtree_control",
                                            "cgroup.threads"};
    const char *root = cgroups->unified_root;
    char path[PATH_SIZE];
    if (!root[0])
        return 0;
    if (write_setting(cgroups, root, instance, "cgroup.max.descendants", err, "%d",
                      DESCENDANTS_MAX) < 0 ||
        write_setting(cgroups, root, instance, "cgroup.max.depth", err, "%d", DEPTH_MAX) < 0)
        return -1;
    for (size_t i = 0; i < sizeof delegated / sizeof *delegated; i++) {
        group_path(path, cgroups, root, instance, delegated[i]);
        if (chown(path, owner, owner) < 0)
            return err_sys(err, errno, "change the owner of %s", path);
    }
    return 0;
}

int cgroup_create(const struct cgroups *cgroups, const char *instance,
                  const struct cgroup_limits *limits, struct err *err)
{
    if (make_groups(cgroups, instance, err) < 0)
        return -1;
    int limited = cgroups->unified ? limit_unified(cgroups, instance, limits, err)
                                   : limit_each_controller(cgroups, instance, limits, err);
    return limited < 0 ? -1 : delegate(cgroups, instance, limits->owner, err);
}

int cgroup_open(const struct cgroups *cgroups, const char *instance)
{
    char path[PATH_SIZE];
    if (!cgroups->unified_root[0])
        return -1;
    group_path(path, cgroups, cgroups->unified_root, instance, NULL);
    return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int cgroup_join(const struct cgroups *cgroups, const char *instance, struct err *err)
{
    const char *roots[CGROUP_CONTROLLER_COUNT + 1];
    int count = hierarchies(cgroups, roots);
    char path[PATH_SIZE];
    for (int i = 0; i < count; i++) {
        group_path(path, cgroups, roots[i], instance, "cgroup.procs");
        if (roots[i] != cgroups->unified_root && kernel_file_write(path, "0", err) < 0)
            return -1;
    }
    return 0;
}

int cgroup_read(const struct cgroups *cgroups, const char *instance, struct cgroup_usage *ret_usage)
{
    char path[PATH_SIZE];
    int64_t cpu_us, memory;
    if (cgroups->unified) {
        const char *root = cgroups->unified_root;
        cpu_us =
            kernel_file_value(group_path(path, cgroups, root, instance, "cpu.stat"), "usage_usec");
        memory = kernel_file_number(group_path(path, cgroups, root, instance, "memory.current"));
    } else {
        cpu_us = kernel_file_number(
            group_path(path, cgroups, cgroups->roots[CGROUP_CPUACCT], instance, "cpuacct.usage"));
        cpu_us = cpu_us < 0 ? cpu_us : cpu_us / 1000;
        memory = kernel_file_number(group_path(path, cgroups, cgroups->roots[CGROUP_MEMORY],
                                               instance, "memory.usage_in_bytes"));
    }
    if (cpu_us < 0 || memory < 0)
        return -1;
    *ret_usage = (struct cgroup_usage){(uint64_t)cpu_us, (uint64_t)memory};
    return 0;
}

static bool is_frozen(const struct cgroups *cgroups, const char *instance)
{
    char path[PATH_SIZE], state[32] = "";
    if (cgroups->unified)
        return kernel_file_value(
                   group_path(path, cgroups, cgroups->unified_root, instance, "cgroup.events"),
                   "frozen") == 1;
    FILE *file = fopen(
        group_path(path, cgroups, cgroups->roots[CGROUP_FREEZER], instance, "freezer.state"), "re");
    if (!file)
        return false;
    bool read = fgets(state, sizeof state, file);
    fclose(file);
    return read && !strncmp(state, "FROZEN", 6);
}

int cgroup_freeze(const struct cgroups *cgroups, const char *instance, bool freeze, struct err *err)
{
    char path[PATH_SIZE];
    bool unified = cgroups->unified;
    group_path(path, cgroups, unified ? cgroups->unified_root : cgroups->roots[CGROUP_FREEZER],
               instance, unified ? "cgroup.freeze" : "freezer.state");
    const char *value = unified ? (freeze ? "1" : "0") : (freeze ? "FROZEN" : "THAWED");
    if (kernel_file_write(path, value, err) < 0)
        return -1;
    int64_t deadline_ms = clock_mono_ms() + FREEZE_WAIT_MS;
    while (freeze && !is_frozen(cgroups, instance)) {
        if (clock_mono_ms() > deadline_ms) {
            struct err ignored;
            cgroup_freeze(cgroups, instance, false, &ignored);
            return err_set(err, "%s does not stop for a moment: a process waits for the disk",
                           instance);
        }
        poll(NULL, 0, 1);
    }
    return 0;
}

static void kill_members(const char *group)
{
    char path[PATH_SIZE + 16];
    struct err ignored;
    snprintf(path, sizeof path, "%s/cgroup.kill", group);
    if (kernel_file_write(path, "1", &ignored) >= 0)
        return;
    snprintf(path, sizeof path, "%s/cgroup.procs", group);
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    int pid;
    while (fscanf(file, "%d", &pid) == 1)
        if (pid > 0)
            kill(pid, SIGKILL);
    fclose(file);
}

static int remove_group(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info, (void)place;
    if (type == FTW_DP)
        rmdir(path);
    return 0;
}

/* With the groups that the instance made in it. */
static bool remove_tree(const char *group)
{
    if (!rmdir(group) || errno == ENOENT)
        return true;
    kill_members(group);
    nftw(group, remove_group, WALK_DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
    return access(group, F_OK) < 0;
}

bool cgroup_remove(const struct cgroups *cgroups, const char *instance)
{
    const char *roots[CGROUP_CONTROLLER_COUNT + 1];
    int count = hierarchies(cgroups, roots);
    char path[PATH_SIZE];
    bool gone = true;
    for (int i = 0; i < count; i++) {
        group_path(path, cgroups, roots[i], instance, NULL);
        gone &= remove_tree(path);
    }
    return gone;
}

static void remove_members(const struct cgroups *cgroups, const char *group)
{
    DIR *entries = opendir(group);
    if (!entries)
        return;
    for (struct dirent *entry; (entry = readdir(entries));) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        int64_t deadline_ms = clock_mono_ms() + REMOVE_WAIT_MS;
        while (!cgroup_remove(cgroups, entry->d_name) && clock_mono_ms() < deadline_ms)
            poll(NULL, 0, 2);
    }
    closedir(entries);
}

void cgroups_remove(const struct cgroups *cgroups)
{
    const char *roots[CGROUP_CONTROLLER_COUNT + 1];
    int count = hierarchies(cgroups, roots);
    char path[PATH_SIZE];
    for (int i = 0; i < count; i++) {
        group_path(path, cgroups, roots[i], NULL, NULL);
        remove_members(cgroups, path);
        rmdir(path);
    }
}
