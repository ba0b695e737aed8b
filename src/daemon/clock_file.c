#include "daemon/clock_file.h"

#include "base/cleanup.h"
#include "os/file.h"
#include "os/log.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

void clock_file_save(const char *data_dir, const struct cloud_clock *clock)
{
    char path[PATH_MAX], text[64];
    struct err err;
    snprintf(path, sizeof path, "%s/clock", data_dir);
    int size = snprintf(text, sizeof text, "%" PRId64 " %" PRId64 "\n", cloud_clock_now(clock),
                        clock_wall_ms());
    if (file_write(path, text, (size_t)size, 0644, &err) < 0)
        log_warn("%s", err.text);
}

struct cloud_clock clock_file_load(const char *data_dir, double speed)
{
    struct cloud_clock clock = cloud_clock_start(speed);
    char path[PATH_MAX];
    size_t size;
    int64_t cloud_ms, wall_ms, wall_now_ms = clock_wall_ms();
    struct err ignored;
    snprintf(path, sizeof path, "%s/clock", data_dir);
    auto_free char *text = file_read(path, 64, &size, &ignored);
    if (!text || sscanf(text, "%" SCNd64 " %" SCNd64, &cloud_ms, &wall_ms) != 2)
        return clock;
    int64_t continued_ms = cloud_ms + (wall_now_ms > wall_ms ? wall_now_ms - wall_ms : 0);
    if (continued_ms > clock.base_cloud_ms)
        clock.base_cloud_ms = continued_ms;
    return clock;
}
