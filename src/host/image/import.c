#include "host/image/import.h"

#include "base/cleanup.h"
#include "host/image/folder.h"
#include "host/image/image_file.h"
#include "host/image/tree.h"
#include "os/clock.h"
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { PROGRESS_MS = 200 };

static const int64_t ENTRIES_MAX = 4000000, BYTES_MAX = INT64_C(64) << 30;

/* Root's rights over files, and none but these. */
static const cap_value_t unpacker_capabilities[] = {CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER,
                                                    CAP_FSETID, CAP_SETFCAP};

/* ---- the process that reads the file ---- */

static void show_progress(const struct unpack *unpack)
{
    static int64_t next_ms;
    int64_t now_ms = clock_mono_ms();
    if (now_ms < next_ms)
        return;
    next_ms = now_ms + PROGRESS_MS;
    fprintf(stderr, "\r%lld files, %lld MiB ", (long long)unpack->entries,
            (long long)(unpack->bytes >> 20));
}

static int confine(const char *root, struct err *err)
{
    enum { COUNT = sizeof unpacker_capabilities / sizeof *unpacker_capabilities };
    if (chroot(root) < 0 || chdir("/") < 0)
        return err_sys(err, errno, "make %s the root", root);
    cap_t kept = cap_init();
    cap_set_flag(kept, CAP_PERMITTED, COUNT, unpacker_capabilities, CAP_SET);
    cap_set_flag(kept, CAP_EFFECTIVE, COUNT, unpacker_capabilities, CAP_SET);
    int result = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || cap_set_proc(kept) < 0 ? -1 : 0;
    int number = errno;
    cap_free(kept);
    return result < 0 ? err_sys(err, number, "give up rights") : 0;
}

static int read_file(const struct image_import *import, const char *root, struct err *err)
{
    struct unpack unpack = {.entries_max = ENTRIES_MAX,
                            .bytes_max = BYTES_MAX,
                            .progress = import->show_progress ? show_progress : NULL};
    setlocale(LC_CTYPE, "C.UTF-8"); /* names in archives are UTF-8 */
    umask(0);
    int result = confine(root, err) < 0 ? -1 : image_file_unpack(import->fd, &unpack, err);
    if (import->show_progress)
        fprintf(stderr, "\r%lld files, %lld MiB \n", (long long)unpack.entries,
                (long long)(unpack.bytes >> 20));
    return result;
}

/* What it says through the pipe is why it failed: nothing if it did not. */
static _Noreturn void run_reader(const struct image_import *import, const char *root, int pipe_fd)
{
    struct err err = {0};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (read_file(import, root, &err) >= 0)
        _exit(0);
    ssize_t put = write(pipe_fd, err.text, strlen(err.text));
    _exit(put < 0 ? 2 : 1);
}

static int await_reader(pid_t pid, int pipe_fd, struct err *err)
{
    char text[ERR_TEXT_SIZE] = "";
    int status;
    ssize_t got = read(pipe_fd, text, sizeof text - 1);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (WIFEXITED(status) && !WEXITSTATUS(status))
        return 0;
    return err_set(err, "%s", got > 0 ? text : "its reader was killed");
}

static int read_apart(const struct image_import *import, const char *root, struct err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(err, errno, "make a pipe");
    auto_fd int read_end = ends[0];
    fflush(NULL);
    pid_t pid = fork();
    if (!pid)
        run_reader(import, root, ends[1]);
    close(ends[1]);
    return pid < 0 ? err_sys(err, errno, "fork") : await_reader(pid, read_end, err);
}

/* ---- the layer ---- */

/* An overlay of its own lies over /usr (run/rootfs.h), so it is a folder of its own. */
static int split_usr(const char *part, struct err *err)
{
    char inside[PATH_MAX], beside[PATH_MAX];
    snprintf(inside, sizeof inside, "%s/root/usr", part);
    snprintf(beside, sizeof beside, "%s/usr", part);
    if (rename(inside, beside) < 0 || mkdir(inside, 0755) < 0 || chmod(inside, 0755) < 0)
        return err_sys(err, errno, "part %s", inside);
    return 0;
}

static int write_to_disk(const char *dir, struct err *err)
{
    auto_fd int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || syncfs(fd) < 0 ? err_sys(err, errno, "write %s to the disk", dir) : 0;
}

static int build(const struct image_import *import, const char *part, struct err *err)
{
    char root[PATH_MAX];
    snprintf(root, sizeof root, "%s/root", part);
    if (file_make_dirs(part, 0700, err) < 0 || file_make_dirs(root, 0755, err) < 0)
        return -1;
    if (chmod(root, 0755) < 0)
        return err_sys(err, errno, "set the mode of %s", root);
    if (read_apart(import, root, err) < 0 || split_usr(part, err) < 0)
        return -1;
    return write_to_disk(part, err);
}

static int build_of_folder(const struct image_import *import, const char *part, struct err *err)
{
    auto_fd int packed = folder_pack(import->fd, import->images_dir, err);
    struct image_import of_file = *import;
    of_file.fd = packed;
    return packed < 0 ? -1 : build(&of_file, part, err);
}

int image_import(const struct image_import *import, struct err *err)
{
    char part[PATH_MAX], layer[PATH_MAX];
    struct err ignored;
    struct stat info;
    snprintf(part, sizeof part, "%s/.part-%s", import->images_dir, import->image);
    snprintf(layer, sizeof layer, "%s/%s", import->images_dir, import->image);
    if (fstat(import->fd, &info) < 0)
        return err_sys(err, errno, "look at the file");
    if (tree_delete(part, err) < 0)
        return -1;
    int result =
        S_ISDIR(info.st_mode) ? build_of_folder(import, part, err) : build(import, part, err);
    if (result >= 0 && rename(part, layer) < 0)
        result = err_sys(err, errno, "rename %s", part);
    if (result < 0)
        tree_delete(part, &ignored);
    return result;
}

int image_import_undo(const char *images_dir, const char *image, struct err *err)
{
    char layer[PATH_MAX];
    snprintf(layer, sizeof layer, "%s/%s", images_dir, image);
    return tree_delete(layer, err);
}
