#include "control/log_object.h"

#include "base/cleanup.h"
#include "os/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/* Objects that are not complete, and beside each the key that it will have. */
static const char pending[] = ".pending";

enum { KEY_SIZE = 1536, GZIP = 15 + 16 };

struct log_object {
    char root[256], id[64], key[KEY_SIZE];
    int fd;
    size_t size;
};

void log_object_make_id(const struct service_world *world, char id[LOG_OBJECT_ID_SIZE])
{
    uint32_t random;
    world->random(world->arg, &random, sizeof random);
    snprintf(id, LOG_OBJECT_ID_SIZE, "%08x", random);
}

static void pending_path(char path[PATH_MAX], const char *root, const char *id, const char *suffix)
{
    snprintf(path, PATH_MAX, "%s/%s/%s%s", root, pending, id, suffix);
}

static int make_parents(const char *path, struct err *err)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (!slash)
        return 0;
    *slash = 0;
    return file_make_dirs(folder, 0750, err);
}

static int open_pending(struct log_object *object, struct err *err)
{
    char path[PATH_MAX], key_path[PATH_MAX];
    pending_path(key_path, object->root, object->id, ".key");
    pending_path(path, object->root, object->id, "");
    if (make_parents(path, err) < 0 ||
        file_write_passing(key_path, object->key, strlen(object->key), 0640, err) < 0)
        return -1;
    object->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0640);
    return object->fd < 0 ? err_sys(err, errno, "%s", path) : 0;
}

struct log_object *log_object_create(const char *root, const char *key, const char *id,
                                     struct err *err)
{
    struct log_object *object = calloc(1, sizeof *object);
    if (!object || strlen(key) >= sizeof object->key || strlen(root) >= sizeof object->root) {
        free(object);
        err_set(err, "cannot begin %s", key);
        return NULL;
    }
    snprintf(object->root, sizeof object->root, "%s", root);
    snprintf(object->key, sizeof object->key, "%s", key);
    snprintf(object->id, sizeof object->id, "%s", id);
    if (open_pending(object, err) < 0) {
        free(object);
        return NULL;
    }
    return object;
}

/* A gzip member, malloc'd; NULL if memory ran out. */
static void *compress_piece(const char *data, size_t size, size_t *ret_size)
{
    z_stream stream = {0};
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP, 8, Z_DEFAULT_STRATEGY) !=
        Z_OK)
        return NULL;
    uLong bound = deflateBound(&stream, size);
    unsigned char *out = malloc(bound);
    stream.next_in = (unsigned char *)(uintptr_t)data;
    stream.avail_in = (uInt)size;
    stream.next_out = out;
    stream.avail_out = (uInt)bound;
    bool whole = out && deflate(&stream, Z_FINISH) == Z_STREAM_END;
    *ret_size = stream.total_out;
    deflateEnd(&stream);
    if (whole)
        return out;
    free(out);
    return NULL;
}

int log_object_append(struct log_object *object, const char *data, size_t size, struct err *err)
{
    size_t left;
    auto_free unsigned char *piece = compress_piece(data, size, &left);
    const unsigned char *at = piece;
    if (!piece)
        return err_set(err, "out of memory");
    size_t whole = left;
    while (left) {
        ssize_t written = write(object->fd, at, left);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            err_sys(err, errno, "%s", object->key);
            if (ftruncate(object->fd, (off_t)object->size) < 0)
                err_wrap(err, "half a piece stays");
            return -1;
        }
        at += written;
        left -= (size_t)written;
    }
    object->size += whole;
    return 0;
}

size_t log_object_size(const struct log_object *object)
{
    return object->size;
}

static int publish(const char *root, const char *id, const char *key, struct err *err)
{
    char from[PATH_MAX], to[PATH_MAX], key_path[PATH_MAX];
    pending_path(from, root, id, "");
    pending_path(key_path, root, id, ".key");
    snprintf(to, sizeof to, "%s/%s", root, key);
    if (make_parents(to, err) < 0)
        return -1;
    if (rename(from, to) < 0 && errno != ENOENT)
        return err_sys(err, errno, "%s", to);
    unlink(key_path);
    return 0;
}

int log_object_publish(struct log_object *object, struct err *err)
{
    close(object->fd);
    int result = publish(object->root, object->id, object->key, err);
    free(object);
    return result;
}

/* `name` is a key file's. */
static int recover(const char *root, const char *name, struct err *err)
{
    char id[64], path[PATH_MAX];
    size_t size;
    snprintf(id, sizeof id, "%.*s", (int)(strlen(name) - strlen(".key")), name);
    pending_path(path, root, id, ".key");
    auto_free char *key = file_read(path, KEY_SIZE, &size, err);
    return key ? publish(root, id, key, err) : -1;
}

int log_objects_recover(const char *root, struct err *err)
{
    char path[PATH_MAX];
    int result = 0;
    snprintf(path, sizeof path, "%s/%s", root, pending);
    DIR *folder = opendir(path);
    if (!folder)
        return errno == ENOENT ? 0 : err_sys(err, errno, "%s", path);
    for (struct dirent *entry; (entry = readdir(folder));) {
        size_t length = strlen(entry->d_name);
        if (length > 4 && strcmp(entry->d_name + length - 4, ".key") == 0 &&
            recover(root, entry->d_name, err) < 0)
            result = -1;
    }
    closedir(folder);
    return result;
}

int log_object_put_once(const char *root, const char *key, const char *text, struct err *err)
{
    char path[PATH_MAX];
    struct stat found;
    snprintf(path, sizeof path, "%s/%s", root, key);
    if (stat(path, &found) == 0)
        return 0;
    return make_parents(path, err) < 0 ||
                   file_write_passing(path, text, strlen(text), 0640, err) < 0
               ? -1
               : 0;
}
