#include "os/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_SIZE = 2048 };

static const char *process = "pileus";
static enum log_level level_least = LOG_LEVEL_INFO;

void log_start(const char *process_name, enum log_level least)
{
    process = process_name;
    level_least = least;
}

static size_t write_prefix(char *line, enum log_level level)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    struct timespec now;
    struct tm parts;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    size_t used = strftime(line, LINE_SIZE, "%Y-%m-%dT%H:%M:%S", &parts);
    int more = snprintf(line + used, LINE_SIZE - used, ".%03ldZ %s %s: ", now.tv_nsec / 1000000,
                        process, names[level]);
    return used + (size_t)more;
}

void log_write(enum log_level level, const char *format, ...)
{
    char text[LINE_SIZE / 2], line[LINE_SIZE];
    if (level < level_least)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t used = write_prefix(line, level);
    for (const char *at = text; *at && used < LINE_SIZE - 6; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte < 0x20 || byte == 0x7f)
            used += (size_t)snprintf(line + used, LINE_SIZE - used, "\\x%02x", byte);
        else
            line[used++] = *at;
    }
    line[used++] = '\n';
    /* One write a line: lines of several processes do not mix. A full disk must not stop us. */
    ssize_t ignored = write(STDERR_FILENO, line, used);
    (void)ignored;
}
