/*
 * One log file on its way to its bucket: an object that is written piece by piece, compressed, and
 * appears under its key when it is complete. Until S3 exists a bucket is a folder below `root`.
 *
 * Each piece is a whole member of the gzip file: whatever happens between two of them, what is
 * there can be read, and no compressor keeps memory for a file that waits.
 */
#pragma once

#include "base/err.h"
#include "service/call.h"

#include <stddef.h>

struct log_object;

enum { LOG_OBJECT_ID_SIZE = 9 };
/* Eight random digits: the id of an object, or what makes its key another than all others. */
void log_object_make_id(const struct service_world *world, char id[LOG_OBJECT_ID_SIZE]);

/* `id` names the object while it is written; no other has it. */
struct log_object *log_object_create(const char *root, const char *key, const char *id,
                                     struct err *err);
/* Appends a piece, whole or not at all. */
int log_object_append(struct log_object *object, const char *data, size_t size, struct err *err);
/* Compressed bytes up to now. */
size_t log_object_size(const struct log_object *object);
/* Makes it appear under its key, and frees it. */
int log_object_publish(struct log_object *object, struct err *err);

/* Publishes what a process that was killed had not. */
int log_objects_recover(const char *root, struct err *err);
/* Writes a small object at once, unless there is one. */
int log_object_put_once(const char *root, const char *key, const char *text, struct err *err);
