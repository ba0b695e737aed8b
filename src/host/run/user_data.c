#include "host/run/user_data.h"

#include "base/cleanup.h"
#include "host/run/cloud_config.h"
#include "host/run/plain_file.h"
#include "os/file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum { UNPACKED_MAX = 16 * 1024 * 1024 };

#define SCRIPT_PATH INSTANCE_DIR "/scripts/part-001"
#define PACKED_PATH INSTANCE_DIR "/user-data.gz"

int user_data_execute(const char *path, char *const argv[])
{
    int status;
    fflush(stdout);
    pid_t pid = fork();
    if (pid < 0)
        return -1;
    if (!pid) {
        setsid();
        execv(path, argv);
        dprintf(STDERR_FILENO, "%s: %s\n", path, strerror(errno));
        _exit(errno == ENOENT ? 127 : 126);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void run_script(const char *data, size_t size)
{
    struct err err;
    char path[] = SCRIPT_PATH;
    if (plain_file_write(path, data, size, 0700, &err) < 0) {
        printf("cloud-init: %s\n", err.text);
        return;
    }
    int status = user_data_execute(path, (char *[]){path, NULL});
    if (status)
        printf("cloud-init: Failed to run module scripts-user: %s exited with %d\n", path, status);
}

static bool starts_with(const char *data, size_t size, const char *prefix)
{
    return size >= strlen(prefix) && !memcmp(data, prefix, strlen(prefix));
}

/* The image's own gzip unpacks, so that no code of ours reads packed bytes. */
static void run_packed(const char *data, size_t size)
{
    struct err err;
    size_t unpacked_size = 0;
    auto_free char *unpacked = NULL;
    char *arguments[] = {"gzip", "-df", PACKED_PATH, NULL};
    if (plain_file_write(PACKED_PATH, data, size, 0600, &err) >= 0 &&
        !user_data_execute("/bin/gzip", arguments))
        unpacked = file_read(INSTANCE_DIR "/user-data", UNPACKED_MAX, &unpacked_size, &err);
    if (!unpacked || starts_with(unpacked, unpacked_size, "\x1f\x8b"))
        printf("cloud-init: the packed user data cannot be unpacked\n");
    else
        user_data_run(unpacked, unpacked_size);
}

void user_data_run(const char *data, size_t size)
{
    if (starts_with(data, size, "#!"))
        run_script(data, size);
    else if (starts_with(data, size, "\x1f\x8b"))
        run_packed(data, size);
    else if (starts_with(data, size, "#cloud-config"))
        cloud_config_run(data);
    else
        printf("cloud-init: user data of this kind is not supported by Pileus; it must be a script "
               "that begins with #!, or #cloud-config\n");
}
