#include "service/ec2/volume_device.h"

#include <string.h>

enum { FOLDER_SIZE_MAX = 15 };

static const char prefix[] = "/dev/";

const char *volume_device_folder(const char *device)
{
    return strncmp(device, prefix, sizeof prefix - 1) ? device : device + sizeof prefix - 1;
}

bool volume_device_is_valid(const char *device)
{
    static const char *const families[] = {"sd", "xvd", "hd", "nvme"};
    const char *name = volume_device_folder(device);
    size_t size = strlen(name);
    if (size > FOLDER_SIZE_MAX || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789") != size)
        return false;
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        size_t family = strlen(families[i]);
        if (size > family && !strncmp(name, families[i], family))
            return true;
    }
    return false;
}

bool volume_device_is_same(const char *device, const char *other)
{
    return !strcmp(volume_device_folder(device), volume_device_folder(other));
}
