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

/* Whether the lock file says that a data folder other than this, which still exists, is in there.
 */
static bool is_occupied(int lock_file, const struct stat *data_dir)
{
    char text[PATH_MAX + 64] = "";
    unsigned long long device, inode;
    int path_at = 0;
    struct stat occupant;
    if (pread(lock_file, text, sizeof text - 1, 0) <= 0 ||
        sscanf(text, "%llu %llu %n", &device, &inode, &path_at) != 2 || !path_at)
        return false;
    text[path_at + (int)strcspn(text + path_at, "\n")] = 0;
    if (stat(text + path_at, &occupant) < 0 || occupant.st_dev != device ||
        occupant.st_ino != inode)
        return false;
    return occupant.st_dev != data_dir->st_dev || occupant.st_ino != data_dir->st_ino;
}

static bool try_claim(struct world *world, uint32_t number, const struct stat *data_dir)
{
    auto_fd int network = lock_network(number);
    auto_fd int run_dir = network < 0 ? -1 : lock_run_dir(number);
    if (run_dir < 0 || is_occupied(run_dir, data_dir))
        return false;
    world->number = number;
    world->locks[0] = fd_take(&network);
    world->locks[1] = fd_take(&run_dir);
    return true;
}

static bool claim_any(struct world *world, const char *remembered, const struct stat *data_dir)
{
    unsigned before;
    if (remembered && sscanf(remembered, "%u", &before) == 1 && before < WORLD_COUNT &&
        try_claim(world, before, data_dir))
        return true;
    for (uint32_t number = 0; number < WORLD_COUNT; number++)
        if (try_claim(world, number, data_dir))
            return true;
    return false;
}

int world_claim(struct world *world, const char *data_dir, struct err *err)
{
    char path[PATH_MAX], text[16];
    size_t size;
    struct err ignored;
    struct stat folder;
    if (file_make_dirs("/run/pileus", 0755, err) < 0)
        return -1;
    if (stat(data_dir, &folder) < 0)
        return err_sys(err, errno, "%s", data_dir);
    snprintf(path, sizeof path, "%s/world", data_dir);
    auto_free char *remembered = file_read(path, sizeof text, &size, &ignored);
    if (!claim_any(world, remembered, &folder))
        return err_set(err, "64 daemons run on this machine, or were killed or stopped with --keep:"
                            " `pileus stop --data DIR` ends one of them");
    int length = snprintf(text, sizeof text, "%u\n", world->number);
    snprintf(world->run_dir, sizeof world->run_dir, "/run/pileus/%u", world->number);
    if (file_make_dirs(world->run_dir, 0755, err) < 0)
        return -1;
    return file_write_passing(path, text, (size_t)length, 0644, err);
}

int world_occupy(const struct world *world, const char *data_dir, struct err *err)
{
    char text[PATH_MAX + 64];
    struct stat folder;
    if (stat(data_dir, &folder) < 0)
        return err_sys(err, errno, "%s", data_dir);
    int size = snprintf(text, sizeof text, "%llu %llu %s\n", (unsigned long long)folder.st_dev,
                        (unsigned long long)folder.st_ino, data_dir);
    if (ftruncate(world->locks[1], 0) < 0 ||
        pwrite(world->locks[1], text, (size_t)size, 0) != (ssize_t)size)
        return err_sys(err, errno, "the lock of world %u", world->number);
    return 0;
}

void world_vacate(const struct world *world)
{
    if (ftruncate(world->locks[1], 0) < 0)
        return; /* it stays reserved for the data folder that had it */
}
