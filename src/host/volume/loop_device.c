#include "host/volume/loop_device.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Others take the number that was free a moment ago. */
enum { ATTEMPTS = 64, SECTOR_SIZE = 4096, NUMBER_SIZE = 16 };

int loop_note_lock(const char *path, struct err *err)
{
    auto_fd int note = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (note < 0 || flock(note, LOCK_EX) < 0)
        return err_sys(err, errno, "lock %s", path);
    return fd_take(&note);
}

static int noted_number(int note)
{
    char text[NUMBER_SIZE] = "";
    return pread(note, text, sizeof text - 1, 0) > 0 ? (int)strtol(text, NULL, 10) : -1;
}

static void name_of(int number, char name[LOOP_NAME_SIZE])
{
    snprintf(name, LOOP_NAME_SIZE, "/dev/loop%d", number);
}

/* While it is open the device stays. */
int loop_device_find(const char *image, int note, char name[LOOP_NAME_SIZE])
{
    struct stat wanted;
    struct loop_info64 info;
    int number = noted_number(note);
    if (number < 0 || stat(image, &wanted) < 0)
        return -1;
    name_of(number, name);
    auto_fd int device = open(name, O_RDWR | O_CLOEXEC);
    if (device < 0 || ioctl(device, LOOP_GET_STATUS64, &info) < 0 ||
        info.lo_inode != wanted.st_ino || info.lo_device != wanted.st_dev)
        return -1;
    return fd_take(&device);
}

/* 1: the device has the file now; 0: somebody else was faster. */
static int configure(int number, int file, int note, char name[LOOP_NAME_SIZE], int *ret_device,
                     struct err *err)
{
    struct loop_config config = {
        .fd = (uint32_t)file,
        .block_size = SECTOR_SIZE,
        .info = {.lo_flags = LO_FLAGS_AUTOCLEAR},
    };
    char text[NUMBER_SIZE] = "";
    snprintf(text, sizeof text, "%d", number);
    if (pwrite(note, text, sizeof text, 0) < 0)
        return err_sys(err, errno, "note a loop device");
    name_of(number, name);
    auto_fd int device = open(name, O_RDWR | O_CLOEXEC);
    if (device < 0)
        return errno == ENXIO || errno == EBUSY ? 0 : err_sys(err, errno, "open %s", name);
    if (ioctl(device, LOOP_CONFIGURE, &config) < 0)
        return errno == EBUSY ? 0 : err_sys(err, errno, "set up %s", name);
    *ret_device = fd_take(&device);
    return 1;
}

int loop_device_open(const char *image, int note, char name[LOOP_NAME_SIZE], struct err *err)
{
    int device = loop_device_find(image, note, name), result = 0;
    if (device >= 0)
        return device;
    auto_fd int file = open(image, O_RDWR | O_CLOEXEC);
    auto_fd int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    if (file < 0 || control < 0)
        return err_sys(err, errno, "open %s", file < 0 ? image : "/dev/loop-control");
    for (int attempt = 0; attempt < ATTEMPTS && !result; attempt++) {
        int number = ioctl(control, LOOP_CTL_GET_FREE);
        if (number < 0)
            return err_sys(err, errno, "find a free loop device");
        result = configure(number, file, note, name, &device, err);
    }
    if (!result)
        return err_set(err, "every loop device was taken by others");
    return result < 0 ? -1 : device;
}
