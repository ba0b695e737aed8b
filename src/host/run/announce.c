#include "host/run/announce.h"

#include "base/cleanup.h"
#include "os/clock.h"
#include "os/file.h"

#include <glob.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <time.h>

enum { KEY_FILE_MAX = 16 * 1024 };

static double up_s(void)
{
    static int64_t first_us;
    int64_t now_us = clock_mono_us();
    if (!first_us)
        first_us = now_us; /* PID 1 asks first; the processes that it forks inherit the answer */
    return (double)(now_us - first_us) / 1e6;
}

void announce_boot(int console_fd, const struct boot *boot)
{
    struct utsname system;
    uint32_t a = boot->address;
    uname(&system);
    dprintf(console_fd, "[%12.6f] %s version %s (%s)\n", up_s(), system.sysname, system.release,
            system.machine);
    dprintf(console_fd, "[%12.6f] init: %s is %s\n", up_s(), boot->instance, boot->host_name);
    dprintf(console_fd, "[%12.6f] eth0: %u.%u.%u.%u\n", up_s(), a >> 24, a >> 16 & 255,
            a >> 8 & 255, a & 255);
}

void announce_end(int console_fd)
{
    dprintf(console_fd, "[%12.6f] init: asked to end\n", up_s());
}

void announce_host_keys(void)
{
    glob_t keys;
    printf("-----BEGIN SSH HOST KEY KEYS-----\n");
    if (!glob("/etc/ssh/ssh_host_*_key.pub", 0, NULL, &keys))
        for (size_t i = 0; i < keys.gl_pathc; i++) {
            struct err err;
            size_t size;
            auto_free char *key = file_read(keys.gl_pathv[i], KEY_FILE_MAX, &size, &err);
            fputs(key ? key : "", stdout);
        }
    globfree(&keys);
    printf("-----END SSH HOST KEY KEYS-----\n");
    fflush(stdout);
}

void announce_finished(void)
{
    char date[64];
    struct tm parts;
    time_t now = (time_t)(clock_wall_ms() / 1000);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", gmtime_r(&now, &parts));
    printf("cloud-init: finished at %s. Up %.2f seconds\n", date, up_s());
}
