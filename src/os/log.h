/*
 * The log: one line per record on stderr (the parent sends stderr to the log file when detached):
 *     2026-01-02T03:04:05.678Z balancer warn: text
 * Control bytes in the text are escaped, so no client can forge a line.
 * Library code never logs: only process loops and front/ do.
 */
#pragma once

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

/* Names the process in every line, and sets the least level that is written. */
void log_start(const char *process_name, enum log_level least);
void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...)  log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
