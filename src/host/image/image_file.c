#include "host/image/image_file.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "host/run/command.h"
#include "host/run/plain_file.h"

#include <archive_entry.h>
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
    JSON_SIZE_MAX = 4 * 1024 * 1024,
    LAYERS_MAX = 256,
    INDEX_DEPTH_MAX = 4, /* an index may name an index */
    READ_SIZE = 64 * 1024,
};

#if defined(__aarch64__)
static const char architecture[] = "arm64";
#else
static const char architecture[] = "amd64";
#endif

enum form { FORM_ROOT, FORM_OCI, FORM_DOCKER };

/* ---- the file and its members ---- */

static struct archive *open_file(int fd, struct err *err)
{
    auto_archive *file = unpack_reader();
    if (lseek(fd, 0, SEEK_SET) < 0) {
        err_sys(err, errno, "read the file from its start");
        return NULL;
    }
    if (archive_read_open_fd(file, fd, READ_SIZE) != ARCHIVE_OK) {
        err_set(err, "%s", archive_error_string(file));
        return NULL;
    }
    return ptr_take(&file);
}

/* Goes on to the next member. 1; 0 at the end; < 0 on failure. */
static int next_member(struct archive *file, struct archive_entry **entry, const char **name,
                       struct err *err)
{
    int status = archive_read_next_header(file, entry);
    if (status == ARCHIVE_EOF)
        return 0;
    if (status < ARCHIVE_WARN)
        return err_set(err, "%s", archive_error_string(file));
    const char *given = archive_entry_pathname(*entry);
    *name = unpack_clean_name(given ? given : "");
    return 1;
}

/* The file, at the start of the member's contents. */
static struct archive *open_member(int fd, const char *wanted, struct err *err)
{
    auto_archive *file = open_file(fd, err);
    struct archive_entry *entry;
    const char *name = "";
    int found;
    if (!file)
        return NULL;
    while ((found = next_member(file, &entry, &name, err)) > 0)
        if (!strcmp(name, wanted) && archive_entry_filetype(entry) == AE_IFREG)
            return ptr_take(&file);
    if (!found)
        err_set(err, "it lacks its part %s", wanted);
    return NULL;
}

static json_t *read_json(int fd, const char *name, struct err *err)
{
    auto_archive *file = open_member(fd, name, err);
    auto_buf text = {.size_limit = JSON_SIZE_MAX};
    json_error_t cause;
    la_ssize_t got = file ? 1 : 0;
    while (got > 0 && buf_reserve(&text, READ_SIZE)) {
        got = archive_read_data(file, text.data + text.size, READ_SIZE);
        text.size += got > 0 ? (size_t)got : 0;
    }
    if (!file)
        return NULL;
    json_t *json = got ? NULL : json_loadb(text.data, text.size, 0, &cause);
    if (!json)
        err_set(err, "%s: %s", name, got ? "it cannot be read, or is too large" : cause.text);
    return json;
}

/* ---- the form ---- */

/* Whether a container image has a part of this name; no root file system does. */
static bool is_image_part(const char *name)
{
    static const char *const names[] = {"blobs", "oci-layout", "index.json", "manifest.json",
                                        "repositories"};
    size_t size = strcspn(name, "/");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == size && !strncmp(name, names[i], size))
            return true;
    return !size || strspn(name, "0123456789abcdef") == 64;
}

static int find_form(int fd, struct err *err)
{
    auto_archive *file = open_file(fd, err);
    struct archive_entry *entry;
    const char *name = "";
    bool is_oci = false, is_docker = false;
    int found = file ? 0 : -1;
    while (file && (found = next_member(file, &entry, &name, err)) > 0) {
        if (!is_image_part(name))
            return FORM_ROOT;
        is_oci |= !strcmp(name, "index.json");
        is_docker |= !strcmp(name, "manifest.json");
    }
    if (found < 0)
        return -1;
    if (!is_oci && !is_docker)
        return err_set(err, "it holds neither a root file system nor a container image");
    return is_oci ? FORM_OCI : FORM_DOCKER;
}

/* ---- OCI ---- */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* "sha256:0123..." is the part "blobs/sha256/0123...". */
static int blob_name(const json_t *descriptor, char name[PATH_MAX], struct err *err)
{
    const char *digest = text_of(descriptor, "digest");
    size_t kind = strspn(digest, "abcdefghijklmnopqrstuvwxyz0123456789");
    size_t digits = digest[kind] == ':' ? strspn(digest + kind + 1, "0123456789abcdef") : 0;
    if (!kind || kind > 16 || digits < 32 || digits > 128 || digest[kind + 1 + digits])
        return err_set(err, "\"%.200s\" is no digest", digest);
    snprintf(name, PATH_MAX, "blobs/%.*s/%s", (int)kind, digest, digest + kind + 1);
    return 0;
}

static json_t *read_blob(int fd, const json_t *descriptor, struct err *err)
{
    char name[PATH_MAX];
    return blob_name(descriptor, name, err) < 0 ? NULL : read_json(fd, name, err);
}

/* The manifest for this machine: of those that name a platform the right one, else the first. */
static const json_t *choose_manifest(const json_t *index, struct err *err)
{
    const json_t *manifests = json_object_get(index, "manifests"), *each;
    size_t i;
    json_array_foreach (manifests, i, each) {
        const json_t *platform = json_object_get(each, "platform");
        if (!platform || (!strcmp(text_of(platform, "os"), "linux") &&
                          !strcmp(text_of(platform, "architecture"), architecture)))
            return each;
    }
    err_set(err, "it has no image for linux/%s", architecture);
    return NULL;
}

static json_t *read_manifest(int fd, struct err *err)
{
    json_t *doc = read_json(fd, "index.json", err);
    for (int depth = 0; doc && json_object_get(doc, "manifests"); depth++) {
        json_auto_t *index = doc;
        const json_t *chosen = choose_manifest(index, err);
        doc = chosen && depth < INDEX_DEPTH_MAX ? read_blob(fd, chosen, err) : NULL;
        if (chosen && depth >= INDEX_DEPTH_MAX)
            err_set(err, "its indexes never lead to an image");
    }
    return doc;
}

static int check_architecture(const json_t *config, struct err *err)
{
    const char *found = text_of(config, "architecture");
    if (*found && strcmp(found, architecture) != 0)
        return err_set(err, "it is for %.32s processors; this machine's are %s", found,
                       architecture);
    return 0;
}

/* Names of the parts that are the layers, lowest first, and the image's settings; NULL on failure.
 */
static json_t *oci_layers(int fd, json_t **ret_config, struct err *err)
{
    json_auto_t *manifest = read_manifest(fd, err);
    json_auto_t *config = manifest ? read_blob(fd, json_object_get(manifest, "config"), err) : NULL;
    json_auto_t *layers = json_array();
    const json_t *each;
    size_t i;
    if (!config || check_architecture(config, err) < 0)
        return NULL;
    json_array_foreach (json_object_get(manifest, "layers"), i, each) {
        char name[PATH_MAX];
        if (blob_name(each, name, err) < 0)
            return NULL;
        json_array_append_new(layers, json_string(name));
    }
    *ret_config = json_incref(config);
    return json_incref(layers);
}

/* ---- docker save ---- */

static json_t *docker_layers(int fd, json_t **ret_config, struct err *err)
{
    json_auto_t *manifest = read_json(fd, "manifest.json", err);
    if (!manifest)
        return NULL;
    const json_t *image = json_array_get(manifest, 0);
    json_auto_t *config = read_json(fd, text_of(image, "Config"), err);
    if (!config || check_architecture(config, err) < 0)
        return NULL;
    *ret_config = json_incref(config);
    return json_incref(json_object_get(image, "Layers"));
}

/* ---- layers ---- */

static la_ssize_t read_layer(struct archive *layer, void *owner, const void **ret_block)
{
    struct archive *file = owner;
    size_t size = 0;
    la_int64_t offset;
    int status = archive_read_data_block(file, ret_block, &size, &offset);
    if (status == ARCHIVE_EOF)
        return 0;
    if (status == ARCHIVE_OK)
        return (la_ssize_t)size;
    archive_set_error(layer, archive_errno(file), "%s", archive_error_string(file));
    return -1;
}

static int read_layer_once(int fd, const char *name, struct unpack *unpack, bool whiteouts,
                           struct err *err)
{
    auto_archive *file = open_member(fd, name, err);
    auto_archive *layer = unpack_reader();
    if (!file)
        return -1;
    if (archive_read_open(layer, file, NULL, read_layer, NULL) != ARCHIVE_OK)
        return err_set(err, "%s: %s", name, archive_error_string(layer));
    return whiteouts ? unpack_whiteouts(layer, err) : unpack_stream(unpack, layer, true, err);
}

static int unpack_layers(int fd, const json_t *layers, struct unpack *unpack, struct err *err)
{
    const json_t *each;
    size_t i, count = json_array_size(layers);
    if (!count || count > LAYERS_MAX)
        return err_set(err, "it has %zu layers; 1 to %d are possible", count, LAYERS_MAX);
    json_array_foreach (layers, i, each) {
        const char *name = json_string_value(each);
        if (!name)
            return err_set(err, "a layer has no name");
        if ((i > 0 && read_layer_once(fd, name, unpack, true, err) < 0) ||
            read_layer_once(fd, name, unpack, false, err) < 0)
            return err_wrap(err, "layer %zu of %zu", i + 1, count);
    }
    return 0;
}

/* ---- the whole ---- */

static int unpack_root(int fd, struct unpack *unpack, struct err *err)
{
    auto_archive *file = open_file(fd, err);
    if (!file || unpack_stream(unpack, file, false, err) < 0)
        return -1;
    if (access("bin", F_OK) < 0 && access("sbin", F_OK) < 0 && access("usr", F_OK) < 0)
        return err_set(err, "it is no root file system: bin, sbin and usr are not at its top");
    return 0;
}

/* What the init of an instance mounts on or writes to must be there, and be folders. */
static int complete(struct err *err)
{
    static const struct {
        const char *path;
        mode_t mode;
    } folders[] = {{"dev", 0755}, {"etc", 0755},     {"proc", 0555},   {"root", 0700},
                   {"run", 0755}, {"sys", 0555},     {"tmp", 01777},   {"usr", 0755},
                   {"var", 0755}, {"var/lib", 0755}, {"var/log", 0755}};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        struct stat info;
        if (lstat(folders[i].path, &info) < 0) {
            if (mkdir(folders[i].path, 0755) < 0 || chmod(folders[i].path, folders[i].mode) < 0)
                return err_sys(err, errno, "create %s", folders[i].path);
        } else if (!S_ISDIR(info.st_mode)) {
            return err_set(err, "its /%s is no folder", folders[i].path);
        }
    }
    return 0;
}

static void add_records(struct buf *out, char kind, const json_t *texts)
{
    size_t i;
    const json_t *text;
    json_array_foreach (texts, i, text)
        if (json_is_string(text)) {
            buf_append_char(out, kind);
            buf_append(out, json_string_value(text), strlen(json_string_value(text)) + 1);
        }
}

static void add_record(struct buf *out, char kind, const json_t *settings, const char *member)
{
    json_auto_t *texts = json_pack("[O*]", json_object_get(settings, member));
    add_records(out, kind, texts);
}

/* What the image's instances run; host/run/command.h. */
static int note_command(const json_t *settings, struct err *err)
{
    static const char path[] = "." COMMAND_PATH;
    auto_buf text = {.size_limit = COMMAND_SIZE_MAX};
    add_records(&text, COMMAND_ENVIRONMENT, json_object_get(settings, "Env"));
    add_record(&text, COMMAND_FOLDER, settings, "WorkingDir");
    add_record(&text, COMMAND_USER, settings, "User");
    add_records(&text, COMMAND_ARGUMENT, json_object_get(settings, "Entrypoint"));
    add_records(&text, COMMAND_ARGUMENT, json_object_get(settings, "Cmd"));
    if (text.failed)
        return err_set(err, "its command has more than %d bytes", COMMAND_SIZE_MAX);
    if (mkdir("etc/pileus", 0755) < 0 && errno != EEXIST)
        return err_sys(err, errno, "create etc/pileus");
    return plain_file_write(path, text.data ? text.data : "", text.size, 0644, err);
}

int image_file_unpack(int fd, struct unpack *unpack, struct err *err)
{
    int form = find_form(fd, err);
    if (form < 0)
        return -1;
    if (form == FORM_ROOT)
        return unpack_root(fd, unpack, err) < 0 ? -1 : complete(err);
    json_auto_t *config = NULL;
    json_auto_t *layers =
        form == FORM_OCI ? oci_layers(fd, &config, err) : docker_layers(fd, &config, err);
    if (!layers || unpack_layers(fd, layers, unpack, err) < 0 || complete(err) < 0)
        return -1;
    return note_command(json_object_get(config, "config"), err);
}
