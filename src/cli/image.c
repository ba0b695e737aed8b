#include "cli/image.h"

#include "base/cleanup.h"
#include "cli/image_build.h"
#include "cli/target.h"
#include "host/image/import.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char image_usage[] =
    "image list [--region REGION]\n"
    "       pileus image import FILE|FOLDER [--name NAME] [--region REGION]\n"
    "       pileus image build debian [--release RELEASE] [--include "
    "PACKAGE,...]\n"
    "           [--mirror URL] [--archive FILE] [--name NAME] [--region "
    "REGION]\n"
    "       pileus image alias NAME IMAGE [--region REGION]";

enum { ID_SIZE = 32 };

struct request {
    const char *data_dir;
    const struct record *record;
    const char *region, *name; /* options; name may be NULL */
    const char *archive;       /* where what was built is kept; NULL: nowhere */
    struct image_build build;
    int argc; /* what is left of the words */
    char **argv;
};

/* Takes the options out of the words. Returns -1 if one has no value or is not known. */
static int take_options(struct request *request)
{
    const struct {
        const char *name;
        const char **value;
    } options[] = {{"--region", &request->region},         {"--name", &request->name},
                   {"--archive", &request->archive},       {"--release", &request->build.release},
                   {"--include", &request->build.include}, {"--mirror", &request->build.mirror}};
    int kept = 0;
    for (int i = 0; i < request->argc; i++) {
        char *word = request->argv[i];
        const char **value = NULL;
        for (size_t j = 0; j < sizeof options / sizeof *options; j++)
            if (!strcmp(word, options[j].name))
                value = options[j].value;
        if (value && ++i < request->argc)
            *value = request->argv[i];
        else if (!value && strncmp(word, "--", 2) != 0)
            request->argv[kept++] = word;
        else
            return -1;
    }
    request->argc = kept;
    return 0;
}

/* Asks below /_pileus/images/REGION. As target_ask(). */
static json_t *ask(const struct request *request, const char *rest, const json_t *body,
                   struct err *err)
{
    char path[128];
    if (strspn(request->region, "abcdefghijklmnopqrstuvwxyz0123456789-") !=
        strlen(request->region)) {
        err_set(err, "%.32s is no region", request->region);
        return NULL;
    }
    snprintf(path, sizeof path, "/_pileus/images/%.32s%s", request->region, rest);
    return target_ask(request->record, path, body, err);
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* ---- list ---- */

static int list(const struct request *request, struct err *err)
{
    json_auto_t *answer = ask(request, "", NULL, err);
    const json_t *image;
    size_t i;
    if (!answer)
        return -1;
    json_array_foreach (json_object_get(answer, "Images"), i, image) {
        const char *id = text_of(image, "ImageId"), *backing = text_of(image, "Backing");
        bool is_own = strcmp(id, backing) == 0;
        printf("%s  %s  %s%s%s\n", id, text_of(image, "CreationDate"), text_of(image, "Name"),
               is_own ? "" : " -> ", is_own ? "" : backing);
    }
    return 0;
}

/* ---- import ---- */

/* "debian-12" for "/tmp/debian-12.tar.xz" and for "/tmp/debian-12/". */
static void name_after(const char *file, char name[128])
{
    static const char *const endings[] = {".gz", ".xz", ".zst", ".bz2", ".tgz", ".txz", ".tar"};
    size_t length = strlen(file);
    while (length > 1 && file[length - 1] == '/')
        length--;
    const char *slash = memrchr(file, '/', length);
    const char *last = slash && slash + 1 < file + length ? slash + 1 : file;
    snprintf(name, 128, "%.*s", (int)(file + length - last), last);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t size = strlen(name), ending = strlen(endings[i]);
        if (size > ending && strcmp(name + size - ending, endings[i]) == 0)
            name[size - ending] = '\0';
    }
}

static int open_file(const char *path, struct err *err)
{
    struct stat info;
    auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) < 0)
        return err_sys(err, errno, "%s", path);
    if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode))
        return err_set(err, "%s is neither a file nor a folder", path);
    return fd_take(&fd);
}

/* The daemon checks the name, and gives the id that the image will have. */
static int ask_for_id(const struct request *request, const char *name, char id[ID_SIZE],
                      struct err *err)
{
    json_auto_t *body = json_pack("{s:s}", "Name", name);
    json_auto_t *permit = ask(request, "", body, err);
    if (!permit)
        return -1;
    snprintf(id, ID_SIZE, "%s", text_of(permit, "ImageId"));
    return 0;
}

/* The layer is made, and only then does the daemon show the image. */
static int make_image(const struct request *request, const char *name, const char *id, int fd,
                      struct err *err)
{
    char images_dir[PATH_MAX];
    struct err ignored;
    snprintf(images_dir, sizeof images_dir, "%s/images", request->data_dir);
    struct image_import import = {
        .images_dir = images_dir, .image = id, .fd = fd, .show_progress = isatty(STDERR_FILENO)};
    if (image_import(&import, err) < 0)
        return -1;
    json_auto_t *body = json_pack("{s:s, s:s}", "Name", name, "ImageId", id);
    json_auto_t *registered = ask(request, "", body, err);
    if (!registered) {
        image_import_undo(images_dir, id, &ignored);
        return -1;
    }
    printf("%s\n", id);
    return 0;
}

static int check_root(struct err *err)
{
    return geteuid() ? err_set(err, "it needs root: files get the owners that the image says") : 0;
}

static int import(const struct request *request, struct err *err)
{
    char name[128], id[ID_SIZE];
    const char *path = request->argv[1];
    if (check_root(err) < 0)
        return -1;
    auto_fd int fd = open_file(path, err);
    if (fd < 0)
        return -1;
    name_after(path, name);
    const char *chosen = request->name ? request->name : name;
    if (ask_for_id(request, chosen, id, err) < 0 || make_image(request, chosen, id, fd, err) < 0)
        return err_wrap(err, "%s", path);
    return 0;
}

/* ---- build ---- */

/* The file that is built into: one that the user keeps, or one without a name. */
static int open_archive(const struct request *request, struct err *err)
{
    char images_dir[PATH_MAX];
    snprintf(images_dir, sizeof images_dir, "%s/images", request->data_dir);
    const char *path = request->archive ? request->archive : images_dir;
    int kind = request->archive ? O_CREAT | O_TRUNC : O_TMPFILE;
    int fd = open(path, kind | O_RDWR | O_CLOEXEC, 0644);
    return fd < 0 ? err_sys(err, errno, "create a file: %s", path) : fd;
}

static int build(const struct request *request, struct err *err)
{
    char usual_name[128], id[ID_SIZE];
    if (strcmp(request->argv[1], "debian") != 0)
        return err_set(err, "only debian can be built; import a root file system of another one");
    snprintf(usual_name, sizeof usual_name, "debian-%.100s", request->build.release);
    const char *name = request->name ? request->name : usual_name;
    if (check_root(err) < 0 || ask_for_id(request, name, id, err) < 0)
        return -1;
    auto_fd int fd = open_archive(request, err);
    if (fd < 0)
        return -1;
    if (image_build(&request->build, fd, err) < 0) {
        if (request->archive)
            unlink(request->archive); /* nobody shall take a part for the whole */
        return -1;
    }
    return make_image(request, name, id, fd, err);
}

/* ---- alias ---- */

static int alias(const struct request *request, struct err *err)
{
    json_auto_t *body =
        json_pack("{s:s, s:s}", "Name", request->argv[1], "ImageId", request->argv[2]);
    json_auto_t *answer = ask(request, "/aliases", body, err);
    if (!answer)
        return -1;
    printf("%s -> %s\n", text_of(answer, "ImageId"), request->argv[2]);
    return 0;
}

int image_run(const char *data_dir, const struct record *record, int argc, char **argv,
              struct err *err)
{
    static const struct {
        const char *name;
        int argc;
        int (*run)(const struct request *request, struct err *err);
    } commands[] = {
        {"list", 1, list}, {"import", 2, import}, {"build", 2, build}, {"alias", 3, alias}};
    struct request request = {.data_dir = data_dir,
                              .record = record,
                              .region = target_region(),
                              .build = {.release = "bookworm"},
                              .argc = argc,
                              .argv = argv};
    if (take_options(&request) < 0 || !request.argc)
        return 1;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (!strcmp(commands[i].name, request.argv[0]) && commands[i].argc == request.argc)
            return commands[i].run(&request, err);
    return 1;
}
