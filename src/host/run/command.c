#include "host/run/command.h"

#include "base/cleanup.h"
#include "host/run/boot.h"
#include "os/file.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ARGUMENTS_MAX = 1024, CANNOT_RUN = 126 };

struct command {
    const char *folder, *user;
    char *arguments[ARGUMENTS_MAX + 1];
    int argument_count;
};

static void read_record(struct command *command, char *record)
{
    char *text = record + 1;
    if (*record == COMMAND_ENVIRONMENT && strchr(text, '='))
        putenv(text);
    else if (*record == COMMAND_FOLDER)
        command->folder = text;
    else if (*record == COMMAND_USER)
        command->user = text;
    else if (*record == COMMAND_ARGUMENT && command->argument_count < ARGUMENTS_MAX)
        command->arguments[command->argument_count++] = text;
}

/* ---- the user: names are looked up in the image's own files, without its libraries ---- */

static bool find_user(const char *name, size_t size, uid_t *ret_uid, gid_t *ret_gid)
{
    FILE *users = fopen("/etc/passwd", "re");
    bool found = false;
    for (struct passwd *user; users && !found && (user = fgetpwent(users));)
        if (strlen(user->pw_name) == size && !memcmp(user->pw_name, name, size)) {
            *ret_uid = user->pw_uid;
            *ret_gid = user->pw_gid;
            found = true;
        }
    if (users)
        fclose(users);
    return found;
}

static bool find_group(const char *name, gid_t *ret_gid)
{
    FILE *groups = fopen("/etc/group", "re");
    bool found = false;
    for (struct group *group; groups && !found && (group = fgetgrent(groups));)
        if (!strcmp(group->gr_name, name)) {
            *ret_gid = group->gr_gid;
            found = true;
        }
    if (groups)
        fclose(groups);
    return found;
}

static bool read_number(const char *text, size_t size, uint32_t *ret_number)
{
    if (!size || strspn(text, "0123456789") < size || size > 9)
        return false;
    *ret_number = (uint32_t)strtoul(text, NULL, 10);
    return true;
}

static int become(const char *user)
{
    size_t size = strcspn(user, ":");
    const char *group = user[size] ? user + size + 1 : NULL;
    uid_t uid = 0;
    gid_t gid = 0;
    if (!read_number(user, size, &uid) && !find_user(user, size, &uid, &gid))
        return -1;
    if (group && !read_number(group, strlen(group), &gid) && !find_group(group, &gid))
        return -1;
    return setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0
               ? -1
               : 0;
}

int command_run(const struct boot *boot)
{
    struct command command = {0};
    struct err ignored;
    size_t size;
    (void)boot;
    char *text = file_read(COMMAND_PATH, COMMAND_SIZE_MAX, &size, &ignored);
    for (char *record = text; record && record < text + size; record += strlen(record) + 1)
        read_record(&command, record);
    if (!command.argument_count)
        return BOOT_NOT_INSTALLED;
    setsid();
    if (command.folder && *command.folder && chdir(command.folder) < 0)
        dprintf(STDERR_FILENO, "pileus: %s: %s\n", command.folder, strerror(errno));
    if (command.user && *command.user && become(command.user) < 0) {
        dprintf(STDERR_FILENO, "pileus: the image's command is not run: it has no user %s\n",
                command.user);
        return BOOT_NOT_INSTALLED;
    }
    execvp(command.arguments[0], command.arguments);
    dprintf(STDERR_FILENO, "pileus: %s: %s\n", command.arguments[0], strerror(errno));
    return CANNOT_RUN;
}
