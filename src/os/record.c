#include "os/record.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "os/file.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { RECORD_SIZE_MAX = 4096 };

static void record_path(char path[PATH_MAX], const char *data_dir)
{
    snprintf(path, PATH_MAX, "%s/daemon", data_dir);
}

int record_write(const char *data_dir, const struct record *record, struct err *err)
{
    char path[PATH_MAX];
    auto_buf text = {0};
    record_path(path, data_dir);
    buf_printf(&text, "listen %s\naccount %s\nworld %u\n", record->listen, record->account,
               record->world);
    buf_printf(&text, "upgrades %u\n", record->upgrades);
    if (*record->upgrade_failure)
        buf_printf(&text, "upgrade-failure %s\n", record->upgrade_failure);
    for (int i = 0; i < RECORD_PROCESSES; i++)
        if (record->processes[i].pid)
            buf_printf(&text, "process %s %d %" PRIu64 "\n", record->processes[i].name,
                       (int)record->processes[i].pid, record->processes[i].start_time);
    if (text.failed)
        return err_sys(err, ENOMEM, "%s", path);
    return file_write_passing(path, text.data, text.size, 0644, err);
}

static void parse_line(struct record *record, int *count, const char *line)
{
    struct record_process process = {0};
    int pid;
    if (sscanf(line, "listen %31s", record->listen) == 1 ||
        sscanf(line, "account %15s", record->account) == 1 ||
        sscanf(line, "world %u", &record->world) == 1 ||
        sscanf(line, "upgrades %u", &record->upgrades) == 1 ||
        sscanf(line, "upgrade-failure %95[^\n]", record->upgrade_failure) == 1)
        return;
    if (*count < RECORD_PROCESSES &&
        sscanf(line, "process %15s %d %" SCNu64, process.name, &pid, &process.start_time) == 3) {
        process.pid = pid;
        record->processes[(*count)++] = process;
    }
}

int record_read(const char *data_dir, struct record *record, struct err *err)
{
    char path[PATH_MAX], *rest = NULL;
    size_t size;
    int count = 0;
    *record = (struct record){0};
    record_path(path, data_dir);
    auto_free char *text = file_read(path, RECORD_SIZE_MAX, &size, err);
    if (!text)
        return err->number == ENOENT ? 0 : -1;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        parse_line(record, &count, line);
    return 1;
}

void record_remove(const char *data_dir)
{
    char path[PATH_MAX];
    record_path(path, data_dir);
    unlink(path);
}
