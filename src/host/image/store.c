#include "host/image/store.h"

#include "base/cleanup.h"
#include "host/image/tree.h"
#include "host/run/plain_file.h"
#include "os/file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 512, LAYERS_FILE_MAX = 4096 };

static const char *const parts[] = {"root", "usr", "containers"};

static const char *below(char path[PATH_SIZE], const char *dir, const char *name)
{
    snprintf(path, PATH_SIZE, "%s/%s", dir, name);
    return path;
}

/* ---- making a layer ---- */

/* The names of the layers that the instance stands on, which the new layer then stands on too. */
static int copy_layers_file(const char *from_dir, const char *to_dir, struct err *err)
{
    char path[PATH_SIZE];
    size_t size;
    auto_free char *text = file_read(below(path, from_dir, "layers"), LAYERS_FILE_MAX, &size, err);
    if (!text)
        return -1;
    return plain_file_write(below(path, to_dir, "layers"), text, size, 0600, err);
}

static int copy_layer(const char *source, const char *to, struct err *err)
{
    static const struct tree_copy everything = {0};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char upper[PATH_SIZE], copy[PATH_SIZE];
        snprintf(upper, sizeof upper, "%.*s/%s/upper", PATH_SIZE - 16, source, parts[i]);
        snprintf(copy, sizeof copy, "%.*s/%s", PATH_SIZE - 16, to, parts[i]);
        /* A volume that no instance has started from yet has no folders. */
        if (!access(upper, F_OK) && tree_copy(upper, copy, &everything, err) < 0)
            return -1;
    }
    return 0;
}

/* A file system makes its own "lost+found". */
static const char *const own_folders[] = {"lost+found", NULL};
static const struct tree_copy all_files = {.skipped = own_folders};

int store_keep(const struct store *store, const char *image, const char *source,
               const char *layers_dir, struct err *err)
{
    char to[PATH_SIZE], part[PATH_SIZE], path[PATH_SIZE];
    below(to, store->images_dir, image);
    snprintf(part, sizeof part, "%s/.part-%s", store->images_dir, image);
    if (!access(to, F_OK))
        return 0; /* asked for twice */
    if (tree_delete(part, err) < 0 || file_make_dirs(part, 0700, err) < 0)
        return -1;
    bool is_layer = !access(below(path, layers_dir, "layers"), F_OK);
    if (is_layer &&
        (copy_layers_file(layers_dir, part, err) < 0 || copy_layer(source, part, err) < 0))
        return -1;
    if (!is_layer && tree_copy(source, below(path, part, "data"), &all_files, err) < 0)
        return -1;
    return rename(part, to) < 0 ? err_sys(err, errno, "rename %s", part) : 0;
}

int store_restore(const struct store *store, const char *image, const char *to, struct err *err)
{
    char from[PATH_SIZE];
    snprintf(from, sizeof from, "%s/%s/data", store->images_dir, image);
    return tree_copy(from, to, &all_files, err);
}

int store_drop_volume(const struct store *store, const char *volume, struct err *err)
{
    char from[PATH_SIZE], gone[PATH_SIZE];
    snprintf(gone, sizeof gone, "%s/.gone-%s", store->volumes_dir, volume);
    if (rename(below(from, store->volumes_dir, volume), gone) < 0 && errno != ENOENT)
        return err_sys(err, errno, "remove %s", volume);
    return 0;
}

int store_mark_image(const struct store *store, const char *image, struct err *err)
{
    char dir[PATH_SIZE], mark[PATH_SIZE];
    below(dir, store->images_dir, image);
    snprintf(mark, sizeof mark, "%.*s/deleted", PATH_SIZE - 16, dir);
    return access(dir, F_OK) < 0 ? 0 : plain_file_write(mark, "", 0, 0600, err);
}

/* ---- looking through folders ---- */

/* Calls `visit` with each name in a folder; stops when it returns non-zero, and returns that. */
static int each_entry(const char *dir, int (*visit)(void *owner, const char *name), void *owner)
{
    DIR *entries = opendir(dir);
    int result = 0;
    if (!entries)
        return 0;
    for (struct dirent *entry; !result && (entry = readdir(entries));)
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            result = visit(owner, entry->d_name);
    closedir(entries);
    return result;
}

static int give_up(void *owner, const char *name)
{
    const char *dir = owner;
    char from[PATH_SIZE], to[PATH_SIZE];
    if (strncmp(name, ".part-", 6) != 0)
        return 0;
    snprintf(to, sizeof to, "%s/.gone-%s", dir, name);
    rename(below(from, dir, name), to);
    return 0;
}

void store_recover(const struct store *store)
{
    each_entry(store->images_dir, give_up, (char *)(uintptr_t)store->images_dir);
    each_entry(store->volumes_dir, give_up, (char *)(uintptr_t)store->volumes_dir);
}

/* ---- sweeping ---- */

struct sweep {
    const struct store *store;
    const char *dir;   /* being looked through */
    const char *image; /* whose users are looked for */
    bool stale;
    struct err *err;
};

static int stands_on(void *owner, const char *name)
{
    const struct sweep *sweep = owner;
    struct err ignored;
    char path[PATH_SIZE];
    size_t size;
    snprintf(path, sizeof path, "%s/%s/layers", sweep->dir, name);
    auto_free char *text = file_read(path, LAYERS_FILE_MAX, &size, &ignored);
    size_t length = strlen(sweep->image);
    for (const char *line = text, *end; line && (end = strchr(line, '\n')); line = end + 1)
        if ((size_t)(end - line) == length && !memcmp(line, sweep->image, length))
            return 1;
    return 0;
}

static bool is_used(const struct store *store, const char *image)
{
    struct sweep sweep = {.store = store, .dir = store->images_dir, .image = image};
    if (each_entry(sweep.dir, stands_on, &sweep))
        return true;
    sweep.dir = store->volumes_dir;
    if (each_entry(sweep.dir, stands_on, &sweep))
        return true;
    sweep.dir = store->instances_dir;
    return each_entry(sweep.dir, stands_on, &sweep);
}

static bool is_useless(const struct sweep *sweep, const char *name)
{
    char mark[PATH_SIZE];
    if (!strncmp(name, ".gone-", 6))
        return true;
    if (!strncmp(name, ".stale-", 7))
        return sweep->stale;
    snprintf(mark, sizeof mark, "%s/%s/deleted", sweep->dir, name);
    return name[0] != '.' && !access(mark, F_OK) && !is_used(sweep->store, name);
}

static int sweep_entry(void *owner, const char *name)
{
    struct sweep *sweep = owner;
    char path[PATH_SIZE];
    if (!is_useless(sweep, name))
        return 0;
    return tree_delete(below(path, sweep->dir, name), sweep->err);
}

int store_sweep(const struct store *store, bool stale, struct err *err)
{
    const char *const dirs[] = {store->instances_dir, store->volumes_dir, store->images_dir};
    struct sweep sweep = {.store = store, .stale = stale, .err = err};
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
        sweep.dir = dirs[i];
        if (each_entry(sweep.dir, sweep_entry, &sweep) < 0)
            return -1;
    }
    return 0;
}
