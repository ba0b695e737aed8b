#include "host/run/instance_record.h"

#include "base/cleanup.h"
#include "os/file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { VERSION = 2, PATH_SIZE = 512 };

int instance_record_write(const char *dir, const struct instance_record *record, struct err *err)
{
    char path[PATH_SIZE];
    struct instance_record copy = *record;
    copy.version = VERSION;
    snprintf(path, sizeof path, "%s/%s", dir, record->start.instance);
    return file_write_passing(path, &copy, sizeof copy, 0600, err);
}

void instance_record_remove(const char *dir, const char *instance)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", dir, instance);
    unlink(path);
}

static int read_one(const char *dir, const char *name, struct instance_record *record)
{
    char path[PATH_SIZE];
    struct err ignored;
    size_t size;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    auto_free char *data = file_read(path, sizeof *record, &size, &ignored);
    if (!data || size != sizeof *record)
        return -1;
    memcpy(record, data, sizeof *record);
    return record->version == VERSION && !strcmp(record->start.instance, name) ? 0 : -1;
}

int instance_record_read_all(const char *dir,
                             int (*found)(void *owner, const struct instance_record *record,
                                          struct err *err),
                             void *owner, struct err *err)
{
    DIR *entries = opendir(dir);
    if (!entries)
        return err_sys(err, errno, "read %s", dir);
    int result = 0;
    for (struct dirent *entry; result >= 0 && (entry = readdir(entries));) {
        struct instance_record record;
        if (entry->d_name[0] != '.' && read_one(dir, entry->d_name, &record) >= 0)
            result = found(owner, &record, err);
    }
    closedir(entries);
    return result;
}
