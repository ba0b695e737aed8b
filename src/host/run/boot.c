#include "host/run/boot.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "host/run/announce.h"
#include "host/run/imds.h"
#include "host/run/lease.h"
#include "host/run/plain_file.h"
#include "host/run/trust.h"
#include "host/run/user_data.h"
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define MACHINE_ID_PATH "/etc/machine-id"

enum { SMALL_FILE_MAX = 1024 * 1024, MACHINE_ID_SIZE = 33 };

/* Those that AWS's images have: the key pair opens each of them. */
static const char *const login_names[] = {"root", "ec2-user", "ubuntu", "admin"};

static const char *const environment[] = {
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
    "LANG=C.UTF-8", "SHELL=/bin/sh", NULL};

/* These are the most ordinary kinds; the first makes keys in a millisecond and is preferred. */
static const char *const key_types[] = {"ed25519", "ecdsa"};

enum { KEY_TYPE_COUNT = sizeof key_types / sizeof *key_types };

/* ---- files ---- */

/* A boot goes on as far as it can: what fails is told on the console. */
static void write_file(const char *path, const char *text, mode_t mode)
{
    struct err err;
    if (plain_file_write(path, text, strlen(text), mode, &err) < 0)
        dprintf(STDERR_FILENO, "pileus: %s\n", err.text);
}

static void make_dirs(const char *path)
{
    struct err err;
    if (file_make_dirs(path, 0755, &err) < 0)
        dprintf(STDERR_FILENO, "pileus: %s\n", err.text);
}

void boot_write_file(const char *path, const char *text)
{
    char folder[256];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
    make_dirs(folder);
    write_file(path, text, 0644);
}

void boot_make_link(const char *target, const char *path)
{
    unlink(path);
    if (symlink(target, path) < 0)
        dprintf(STDERR_FILENO, "pileus: create %s: %s\n", path, strerror(errno));
}

static bool file_holds(const char *path, const char *text)
{
    struct err err;
    size_t size;
    auto_free char *contents = file_read(path, SMALL_FILE_MAX, &size, &err);
    return contents && strstr(contents, text);
}

/* ---- naming the machine ---- */

bool boot_has_cloud_init(void)
{
    return !access("/usr/bin/cloud-init", X_OK) && access("/etc/cloud/cloud-init.disabled", F_OK);
}

static void remove_host_keys(void)
{
    glob_t keys;
    if (!glob("/etc/ssh/ssh_host_*", 0, NULL, &keys))
        for (size_t i = 0; i < keys.gl_pathc; i++)
            unlink(keys.gl_pathv[i]);
    globfree(&keys);
}

/* Unique, and the same at each boot: the digits of the instance id behind a fixed prefix. */
static void make_machine_id(const struct boot *boot, char id[MACHINE_ID_SIZE])
{
    const char *digits = boot->instance + strcspn(boot->instance, "0123456789abcdef");
    snprintf(id, MACHINE_ID_SIZE, "ec2%029d", 0);
    size_t count = strlen(digits) < 29 ? strlen(digits) : 29;
    memcpy(id + 32 - count, digits, count);
}

static void write_names(const struct boot *boot)
{
    char text[512], id[MACHINE_ID_SIZE];
    uint32_t a = boot->address;
    snprintf(text, sizeof text, "%s\n", boot->host_name);
    write_file("/etc/hostname", text, 0644);
    snprintf(text, sizeof text,
             "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n%u.%u.%u.%u %s\n",
             a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255, boot->host_name);
    write_file("/etc/hosts", text, 0644);
    make_machine_id(boot, id);
    snprintf(text, sizeof text, "%s\n", id);
    write_file(MACHINE_ID_PATH, text, 0444);
}

static void make_instance_dir(const struct boot *boot)
{
    char path[256];
    snprintf(path, sizeof path, CLOUD_DIR "/instances/%s/scripts", boot->instance);
    make_dirs(path);
    snprintf(path, sizeof path, CLOUD_DIR "/instances/%s/sem", boot->instance);
    make_dirs(path);
    make_dirs(CLOUD_DIR "/data");
    snprintf(path, sizeof path, CLOUD_DIR "/instances/%s", boot->instance);
    boot_make_link(path, INSTANCE_DIR);
    write_file(CLOUD_DIR "/data/instance-id", boot->instance, 0644);
}

/* cloud-init looks for EC2 on real machines only, and for a network that it may configure. */
static void configure_cloud_init(void)
{
    boot_write_file("/etc/cloud/cloud.cfg.d/95_pileus.cfg",
                    "datasource_list: [Ec2]\n"
                    "datasource: {Ec2: {strict_id: false}}\n"
                    "network: {config: disabled}\n");
}

void boot_prepare(const struct boot *boot)
{
    char id[MACHINE_ID_SIZE];
    clearenv();
    for (int i = 0; environment[i]; i++)
        putenv((char *)(uintptr_t)environment[i]);
    mkdir("/run/sshd", 0755);
    mkdir("/run/lock", 01777);
    lease_write(boot->dhcp, boot->address);
    trust_install(boot->authority);
    make_machine_id(boot, id);
    if (file_holds(MACHINE_ID_PATH, id))
        return;
    remove_host_keys();
    write_names(boot);
    if (boot_has_cloud_init())
        configure_cloud_init();
    else
        make_instance_dir(boot);
}

/* ---- sshd ---- */

static void make_host_key(const char *type)
{
    char path[64];
    snprintf(path, sizeof path, "/etc/ssh/ssh_host_%s_key", type);
    if (!access(path, F_OK))
        return;
    char *arguments[] = {"ssh-keygen", "-q", "-t", (char *)(uintptr_t)type, "-N", "", "-C", "",
                         "-f",         path, NULL};
    user_data_execute("/usr/bin/ssh-keygen", arguments);
}

static int no_sshd(void)
{
    printf("pileus: the image has no /usr/sbin/sshd with ssh-keygen: nobody can log in\n");
    fflush(stdout);
    return BOOT_NOT_INSTALLED;
}

bool boot_make_host_keys(void)
{
    if (access("/usr/sbin/sshd", X_OK) < 0 || access("/usr/bin/ssh-keygen", X_OK) < 0)
        return false;
    for (int i = 0; i < KEY_TYPE_COUNT; i++)
        make_host_key(key_types[i]);
    return true;
}

int boot_sshd(const struct boot *boot)
{
    (void)boot;
    if (!boot_make_host_keys())
        return no_sshd();
    announce_host_keys();
    execl("/usr/sbin/sshd", "/usr/sbin/sshd", "-D", "-E", "/var/log/auth.log", (char *)NULL);
    return BOOT_NOT_INSTALLED;
}

/* ---- the key pair ---- */

static void add_line(int fd, const char *line)
{
    FILE *file = fdopen(fd, "a");
    if (!file)
        return;
    fprintf(file, "%s\n", line);
    fclose(file);
}

static void install_key(const struct passwd *user, const char *key)
{
    char path[512];
    snprintf(path, sizeof path, "%s/.ssh", user->pw_dir);
    if (!mkdir(path, 0700) && chown(path, user->pw_uid, user->pw_gid) < 0)
        return;
    snprintf(path, sizeof path, "%s/.ssh/authorized_keys", user->pw_dir);
    if (file_holds(path, key))
        return;
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0 && !fchown(fd, user->pw_uid, user->pw_gid))
        add_line(fd, key);
}

/* Reads the file itself: the C library's look-up would load the image's own code into this process.
 */
static void install_key_for_all(const char *key)
{
    FILE *users = fopen("/etc/passwd", "re");
    if (!users)
        return;
    for (struct passwd *user; (user = fgetpwent(users));)
        for (size_t i = 0; i < sizeof login_names / sizeof *login_names; i++)
            if (!strcmp(user->pw_name, login_names[i]))
                install_key(user, key);
    fclose(users);
}

static void fetch_key(const char *token)
{
    auto_buf key = {0};
    if (imds_get(token, "/latest/meta-data/public-keys/0/openssh-key", &key) != 200 || !key.size)
        return;
    key.data[strcspn(key.data, "\r\n")] = '\0';
    install_key_for_all(key.data);
}

/* ---- user data ---- */

/*
 * From here on output goes to the console and to /var/log/cloud-init-output.log. A process of its
 * own copies, because programs that user data leaves running write on after it.
 */
static void split_output(void)
{
    int ends[2];
    if (pipe(ends) < 0)
        return;
    pid_t pid = fork();
    if (pid) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        return;
    }
    close(ends[1]);
    int log =
        open("/var/log/cloud-init-output.log", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    char text[16384];
    ssize_t got;
    while ((got = read(ends[0], text, sizeof text)) > 0) {
        bool shown = write(STDOUT_FILENO, text, (size_t)got) >= 0;
        if (!shown && log < 0)
            break;
        if (log >= 0 && write(log, text, (size_t)got) < 0)
            log = -1; /* the disk is full */
    }
    _exit(0);
}

static void fetch_user_data(const char *token)
{
    static const char done[] = INSTANCE_DIR "/sem/config_scripts_user";
    if (!access(done, F_OK))
        return;
    auto_buf data = {0};
    int status = imds_get(token, "/latest/user-data", &data);
    if (status != 200 && status != 404) {
        printf("cloud-init: user data cannot be read: the metadata service answers %d\n", status);
        return;
    }
    write_file(done, "", 0644);
    if (status == 200 && data.size)
        user_data_run(data.data, data.size);
}

static void run_at_each_boot(void)
{
    char path[] = "/etc/rc.local";
    bool systemd_does = !access("/run/systemd/system", F_OK);
    if (!systemd_does && !access(path, X_OK))
        user_data_execute(path, (char *[]){path, NULL});
}

int boot_user(const struct boot *boot)
{
    char token[IMDS_TOKEN_SIZE];
    (void)boot;
    setvbuf(stdout, NULL, _IOLBF, 0);
    split_output();
    if (imds_get_token(token) >= 0) {
        fetch_key(token);
        fetch_user_data(token);
    } else {
        printf("cloud-init: the metadata service does not answer: no key pair, no user data\n");
    }
    run_at_each_boot();
    announce_finished();
    write_file(INSTANCE_DIR "/boot-finished", "", 0644);
    return 0;
}
