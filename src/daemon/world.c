#include "daemon/world.h"

#include "base/cleanup.h"
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { WORLD_COUNT = 64 };

static int lock_network(uint32_t number)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int size =
        snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "pileus-world-%u", number);
    auto_fd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)size);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) < 0)
        return -1;
    return fd_take(&fd);
}

static int lock_run_dir(uint32_t number)
{
    char path[64];
    snprintf(path, sizeof path, "/run/pileus/%u.lock", number);
    auto_fd int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
        return -1;
    return fd_take(&fd);
}

static bool try_claim(struct world *world, uint32_t number)
{
    auto_fd int network = lock_network(number);
    auto_fd int run_dir = network < 0 ? -1 : lock_run_dir(number);
    if (run_dir < 0)
        return false;
    world->number = number;
    world->locks[0] = fd_take(&network);
    world->locks[1] = fd_take(&run_dir);
    return true;
}

static bool claim_any(struct world *world, const char *remembered)
{
    unsigned before;
    if (remembered && sscanf(remembered, "%u", &before) == 1 && before < WORLD_COUNT &&
        try_claim(world, before))
        return true;
    for (uint32_t number = 0; number < WORLD_COUNT; number++)
        if (try_claim(world, number))
            return true;
    return false;
}

int world_claim(struct world *world, const char *data_dir, struct err *err)
{
    char path[PATH_MAX], text[16];
    size_t size;
    struct err ignored;
    if (file_make_dirs("/run/pileus", 0755, err) < 0)
        return -1;
    snprintf(path, sizeof path, "%s/world", data_dir);
    auto_free char *remembered = file_read(path, sizeof text, &size, &ignored);
    if (!claim_any(world, remembered))
        return err_set(err, "64 daemons run on this machine already");
    int length = snprintf(text, sizeof text, "%u\n", world->number);
    snprintf(world->run_dir, sizeof world->run_dir, "/run/pileus/%u", world->number);
    if (file_make_dirs(world->run_dir, 0755, err) < 0)
        return -1;
    return file_write_passing(path, text, (size_t)length, 0644, err);
}
